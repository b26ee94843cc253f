"""Scanning of files: which are scanned, by what, and what was found."""
