"""Use cases on repositories: refs, commits, contents, histories, pull requests."""
