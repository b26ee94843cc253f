"""Limits that all servers of a hub share."""
