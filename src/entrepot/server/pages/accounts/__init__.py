"""Pages about the account of the visitor."""
