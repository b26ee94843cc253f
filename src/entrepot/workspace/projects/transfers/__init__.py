"""Versions on their way to a remote and back: pushes and checkouts."""
