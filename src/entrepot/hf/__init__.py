"""The names that users of huggingface_hub know, for this hub; every name is also one of ``entrepot``."""
