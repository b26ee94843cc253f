"""Use cases of the git protocol: fetches, pushes, imports."""
