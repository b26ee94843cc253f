"""Pages of repositories that show more than files: buckets, tables, differences, lineage, metrics and storage."""
