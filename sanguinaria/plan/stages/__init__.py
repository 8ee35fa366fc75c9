"""Stage specifications: the dependencies and the files of each kind of result."""
