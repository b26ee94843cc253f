"""Reports on projects: lists, histories, differences and metrics."""
