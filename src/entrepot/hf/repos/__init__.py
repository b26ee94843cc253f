"""Repositories, lists and refs under the names of ``huggingface_hub``."""
