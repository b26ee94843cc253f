"""Pages of single repositories and buckets."""
