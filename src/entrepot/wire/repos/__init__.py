"""JSON of repositories, commits, trees, refs and histories."""
