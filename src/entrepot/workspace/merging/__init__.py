"""Merges of versions of one entity that were made independently of each other."""
