"""Other issuers vouch for a caller: their tokens are verified, and exchanged for access to this hub."""
