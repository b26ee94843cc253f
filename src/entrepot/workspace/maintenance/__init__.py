"""Checks, repairs, and removal of what is no longer needed."""
