"""A file system for fsspec over the repositories of a hub: ``entrepot://namespace/name@revision/path``.

fsspec is an optional dependency, imported only by this package.
"""
