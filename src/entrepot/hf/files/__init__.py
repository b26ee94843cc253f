"""Uploads, downloads and the cache under the names of ``huggingface_hub``."""
