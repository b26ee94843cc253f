"""Single sign-on: tokens of other issuers are verified and exchanged for access to this hub."""
