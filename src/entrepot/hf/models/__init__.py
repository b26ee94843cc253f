"""``ModelHubMixin`` and its relatives."""
