"""Routes on repositories, commits, trees, refs and histories."""
