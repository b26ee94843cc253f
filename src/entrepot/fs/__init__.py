"""Repositories as a file system for everything that speaks fsspec: ``entrepot://namespace/name@revision/path``.

fsspec is optional: nothing but this room imports it.
"""
