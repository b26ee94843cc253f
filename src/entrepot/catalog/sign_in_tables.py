"""Tables of what signs in: sessions, codes, second factors, passkeys, programs, and publishers without accounts."""

from __future__ import annotations

import sqlalchemy as sa

from entrepot.catalog.file_tables import metadata as metadata
from entrepot.catalog.tables import Hex, Json

oauth_grants = sa.Table(
    "oauth_grants",
    metadata,
    sa.Column("uid", sa.String(24), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sa.Column("client_id", sa.String(100), nullable=False),
    sa.Column("refresh_hash", Hex(32), nullable=False, unique=True),
    # The refresh token before the current one; NULL: there was none.
    sa.Column("previous_hash", Hex(32), unique=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("refreshed_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

device_codes = sa.Table(
    "device_codes",
    metadata,
    sa.Column("device_hash", Hex(32), primary_key=True),
    sa.Column("user_code_hash", Hex(32), nullable=False, unique=True),
    sa.Column("client_id", sa.String(100), nullable=False),
    # The address that asked, as limits count addresses, and in words.
    sa.Column("network", Hex(16), nullable=False, index=True),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("polled_ms", sa.BigInteger),
    # Who decided, and what: accepted or rejected; NULL: undecided.
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), index=True),
    sa.Column("decision", sa.String(8)),
    # The grant that was issued.
    sa.Column("grant_uid", sa.String(24)),
    sqlite_with_rowid=False,
)

sign_in_codes = sa.Table(
    "sign_in_codes",
    metadata,
    sa.Column("code_hash", Hex(32), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("secret_hash", Hex(32), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    # Accurate to an hour: not every use is recorded.
    sa.Column("seen_ms", sa.BigInteger, nullable=False),
    # Names the session on pages and in requests, which must not show its hash.
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    # How it was opened: ``password``, ``code``, ``sso``, ``two-step``, ``recovery``, ``passkey``.
    sa.Column("means", sa.String(20), nullable=False),
    # Where it was opened: the network of the client's address, and the kind of its browser; may be empty.
    sa.Column("network", sa.String(50), nullable=False),
    sa.Column("agent", sa.String(200), nullable=False),
    # When the user last proved who they are: at first when it was opened.
    sa.Column("confirmed_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

trusted_publishers = sa.Table(
    "trusted_publishers",
    metadata,
    sa.Column("uid", sa.String(24), primary_key=True),
    sa.Column("repo_id", sa.BigInteger, sa.ForeignKey("repos.id"), nullable=False, index=True),
    # Who set it up: its access tokens have the rights of this account, and no others.
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("issuer", sa.String(500), nullable=False),
    # Names of claims, and the pattern that each must match.
    sa.Column("claims", Json, nullable=False),
    # What its access tokens allow: ``write``, ``read``.
    sa.Column("role", sa.String(8), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("used_ms", sa.BigInteger),
    sqlite_with_rowid=False,
)

used_id_tokens = sa.Table(
    "used_id_tokens",
    metadata,
    # Of the issuer and its id for the token; or of the challenge of a passkey.
    sa.Column("id_hash", Hex(32), primary_key=True),
    sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

sso_identities = sa.Table(
    "sso_identities",
    metadata,
    # Of the issuer and its name for the person.
    sa.Column("id_hash", Hex(32), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sa.Column("issuer", sa.String(500), nullable=False),
    # What the issuer calls the person, for people; it decides nothing.
    sa.Column("label", sa.String(200), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("used_ms", sa.BigInteger),
    sqlite_with_rowid=False,
)

limit_counts = sa.Table(
    "limit_counts",
    metadata,
    # A digest of what is counted.
    sa.Column("key", Hex(16), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    # Until when further attempts are refused; 0: they are not.
    sa.Column("free_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

second_factors = sa.Table(
    "second_factors",
    metadata,
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), primary_key=True, autoincrement=False),
    # The secret of the user's app is derived from this and the key of the hub, so this table alone gives no codes.
    sa.Column("salt", Hex(16), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    # The time step of the last code that was accepted: codes of this and earlier steps are refused.
    sa.Column("last_step", sa.BigInteger, nullable=False),
    # Wrong codes since the last right one, from all addresses, and until when codes are refused.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("held_until_ms", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("code_hash", Hex(32), primary_key=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sqlite_with_rowid=False,
)

passkeys = sa.Table(
    "passkeys",
    metadata,
    # Of its id, which the authenticator chose.
    sa.Column("id_hash", Hex(32), primary_key=True),
    sa.Column("uid", sa.String(24), nullable=False, unique=True),
    sa.Column("user_id", sa.BigInteger, sa.ForeignKey("namespaces.id"), nullable=False, index=True),
    sa.Column("credential_id", sa.LargeBinary, nullable=False),
    # A COSE key.
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    # Uses that the authenticator has counted; 0 if it does not count.
    sa.Column("sign_count", sa.BigInteger, nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("used_ms", sa.BigInteger),
    sqlite_with_rowid=False,
)
