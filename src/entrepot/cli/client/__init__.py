"""Commands that use a hub: uploads, downloads, repositories, the cache."""
