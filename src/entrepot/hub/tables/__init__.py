"""Uploaded tables, read in processes of their own: a file that decompresses to gigabytes costs the server nothing."""
