"""What surrounds a job: context, provenance, clean-up of results, generated files."""
