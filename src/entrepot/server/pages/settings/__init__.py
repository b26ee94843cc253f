"""Pages of an account's settings: profile, account, password, tokens, sessions."""
