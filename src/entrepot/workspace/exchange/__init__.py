"""Data that comes from outside of projects, and goes there: plain objects of buckets, URLs, archives."""
