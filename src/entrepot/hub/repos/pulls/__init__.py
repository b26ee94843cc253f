"""Pull requests: opening, reviewing and merging them.

The proposed commits are in ``refs/pr/N``, and are merged with the base path by path.
"""
