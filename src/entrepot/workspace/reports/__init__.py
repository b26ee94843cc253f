"""What projects show: lists, histories, differences and metrics."""
