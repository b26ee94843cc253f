"""How Metaflow packages this extension for remote tasks: its Python files."""

include_suffixes = [".py"]
