"""Pages that create repositories and organisations."""
