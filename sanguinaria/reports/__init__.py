"""Reports: rows of scores reduced to what a reader wants."""
