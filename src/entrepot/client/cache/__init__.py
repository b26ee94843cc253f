"""The local cache: layout, locks, scans and reports."""
