"""Stage specifications: what each kind of result depends on, and which files it is."""
