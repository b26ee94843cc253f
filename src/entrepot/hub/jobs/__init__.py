"""Job handlers and maintenance: indexing, garbage collection, backups."""
