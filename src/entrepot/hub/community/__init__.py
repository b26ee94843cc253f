"""Use cases on discussions, access requests, collections, likes and moderation."""
