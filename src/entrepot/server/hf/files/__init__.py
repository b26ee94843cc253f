"""Routes that transfer file contents."""
