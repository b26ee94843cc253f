"""Use cases: who may do what, and the transaction that does it."""
