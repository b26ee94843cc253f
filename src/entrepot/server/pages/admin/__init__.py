"""Pages for administrators of the hub; for everyone else, their addresses do not exist."""
