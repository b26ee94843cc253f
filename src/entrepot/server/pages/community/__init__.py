"""Pages of discussions, pull requests and access requests."""
