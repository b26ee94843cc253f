"""Untrusted text as safe HTML: Markdown, and code with colours."""
