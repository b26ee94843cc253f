"""Differences between revisions by content: rows of tables, tensors of models, and the bytes they share."""
