"""Routes on users, organisations, tokens and quotas."""
