"""Pages of repositories that show more than files: tables, differences, lineage, metrics and storage."""
