"""Routes that search, and lists of tags."""
