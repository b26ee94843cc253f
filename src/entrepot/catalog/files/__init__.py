"""Rows of large files: links, uploads, xorbs, chunk rights."""
