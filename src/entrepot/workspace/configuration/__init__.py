"""Configuration of a project: files, defaults, environment and URLs."""
