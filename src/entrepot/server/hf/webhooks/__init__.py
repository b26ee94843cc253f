"""Routes on webhooks."""
