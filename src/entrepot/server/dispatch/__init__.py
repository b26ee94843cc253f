"""Dispatch of requests: the table of routes, and the memory of answers."""
