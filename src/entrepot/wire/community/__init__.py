"""JSON of discussions, access requests, collections and likes."""
