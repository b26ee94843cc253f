"""Answers as dataclasses, with the names and fields of huggingface_hub."""
