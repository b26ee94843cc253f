"""Pages that find things: the search of the whole hub, and collections."""
