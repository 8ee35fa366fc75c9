"""Context of jobs and of the run: plan, arguments, logging, provenance, clean-up of results, generated files."""
