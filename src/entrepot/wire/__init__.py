"""The JSON shapes both wings exchange, the times in them, and the one error table."""
