"""Queries on webhooks and deliveries."""
