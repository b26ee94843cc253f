"""Password hashes (argon2id), for signing in with a browser."""

from __future__ import annotations

from entrepot.errors import InvalidName

MIN_LENGTH = 8


def hash_password(password: str) -> str:
    """Return the hash of a password, to be stored.

    Raises:
        InvalidName: the password is shorter than 8 or longer than 1,000 characters.
    """
    if not MIN_LENGTH <= len(password) <= 1000:
        raise InvalidName("password", "…", f"use {MIN_LENGTH} to 1,000 characters")
    import argon2  # when it is needed: most processes never see a password

    return argon2.PasswordHasher().hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Return whether a password matches a hash; takes as long for a missing hash as for a wrong password."""
    import argon2

    stored = password_hash or _DECOY
    try:
        argon2.PasswordHasher().verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return password_hash is not None


_DECOY = "$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng$9Zl0RzoNJCLyPwSQoUYRdhSyjBRaAQgxoMkaIYzFHkU"
