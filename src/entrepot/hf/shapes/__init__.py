"""Responses of the hub as dataclasses, with the class and field names of huggingface_hub."""
