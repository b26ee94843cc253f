"""Use cases on folders, and on the grants that share them. Source: docs/folders.md."""
