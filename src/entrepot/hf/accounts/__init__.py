"""Accounts and logins under the names of ``huggingface_hub``."""
