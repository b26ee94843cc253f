"""Tables in repositories: their splits, rows, and queries over them."""
