"""``Repository``: a local clone under the names of ``huggingface_hub`` 0.21."""
