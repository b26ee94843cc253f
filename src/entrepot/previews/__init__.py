"""Readers of file formats: what a file contains, without loading it.

Every reader takes a :class:`~entrepot.previews.sources.RangeReader`, which reads any
range of a file, and returns a value. Readers do no I/O of their own, run no
code from the file, and bound memory and time whatever the file claims.
"""
