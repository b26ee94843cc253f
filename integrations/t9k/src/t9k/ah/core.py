"""The classes, for scripts that import them from ``t9k.ah.core``."""

from entrepot.ah.resources import Branch, Commit, Dataset, Folder, Model, Tag

__all__ = ["Branch", "Commit", "Dataset", "Folder", "Model", "Tag"]
