"""Hubs as remotes: an entity is a repository of a hub, which has its metadata and its data."""
