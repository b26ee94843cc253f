"""Use cases on users, organisations, members, tokens and quotas."""
