"""Blobs in a bucket of an S3-compatible service.

Nothing here imports obstore before a bucket is opened: it is an optional library.
"""
