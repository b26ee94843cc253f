"""Queries on discussions, access requests, collections and likes."""
