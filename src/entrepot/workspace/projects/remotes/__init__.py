"""Remotes of a kind of entities: a git repository and buckets, or a namespace on a hub."""
