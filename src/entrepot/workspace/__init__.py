"""Versioned datasets, labels and models: data in a bucket, metadata in a git remote, no server needed."""
