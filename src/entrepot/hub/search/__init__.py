"""Search, tags, profiles and download counts."""
