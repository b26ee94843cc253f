"""Checks, repairs and removal of what is not needed any more."""
