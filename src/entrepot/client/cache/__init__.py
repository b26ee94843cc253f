"""The local cache: layout, locks, reports."""
