"""Discussions, collections, likes and access requests under the names of ``huggingface_hub``."""
