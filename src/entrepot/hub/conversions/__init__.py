"""Copies of datasets as Parquet files, made after commits, in a ref of their own."""
