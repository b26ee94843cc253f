"""Use cases: checks of rights, and the transactions that make changes."""
