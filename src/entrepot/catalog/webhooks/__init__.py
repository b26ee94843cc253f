"""Rows of webhooks and deliveries."""
