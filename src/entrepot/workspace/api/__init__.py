"""The Python API of projects."""
