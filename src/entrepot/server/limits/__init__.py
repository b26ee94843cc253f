"""Limits on bodies, rates and open files."""
