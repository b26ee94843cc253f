"""Model, dataset and space cards under the names of ``huggingface_hub``."""
