"""JSON of users, organisations, tokens and quotas."""
