"""Queries on large files: links, uploads, xorbs, chunk rights."""
