"""Steps that export a poisoned training set for other programs: Parquet shards and a Croissant description."""
