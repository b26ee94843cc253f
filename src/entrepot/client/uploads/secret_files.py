"""Detects files that usually contain secrets by their names, before an upload publishes them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence

from entrepot.client import user_warnings
from entrepot.client.operations import Add
from entrepot.errors import SecretsFound

_SECRET_NAMES = (
    # Variables with passwords
    ".env", ".env.*", "*.env", ".envrc",
    # Private keys and key stores
    "id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "*_rsa", "*_ed25519",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.ppk", "*.kdbx", "*.asc.key",
    # Passwords and tokens of programs
    ".netrc", "_netrc", ".git-credentials", ".htpasswd", ".pgpass", ".my.cnf", ".npmrc", ".pypirc", ".dockercfg",
    ".boto", ".s3cfg", ".databrickscfg", ".vault-token", "rclone.conf", "kaggle.json", "stored_tokens",
    # Credentials of cloud providers
    "credentials", "credentials.json", "application_default_credentials.json", "client_secret*.json",
    "service_account*.json", "service-account*.json", "*.tfstate", "secrets.json", "secrets.toml", "secrets.y*ml",
)  # fmt: skip
_SECRET_FOLDERS = frozenset({".aws", ".ssh", ".gnupg", ".azure", ".kube", ".docker", "gcloud"})
_SECRET_PATHS = (".huggingface/token", ".cache/huggingface/token", ".kaggle/kaggle.json")
_HARMLESS = ("*.example", "*.sample", "*.template", "*.dist", "*.pub", "example.env", "sample.env", "known_hosts")
_MAX_NAMES = 5


def _one_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))


_SECRET, _OPEN = _one_of(_SECRET_NAMES), _one_of(_HARMLESS)


class SecretFileWarning(UserWarning):
    """A file to be uploaded may contain a secret."""


def is_secret(path: str) -> bool:
    """Return whether files of this path usually contain a secret; case-insensitive."""
    *folders, name = path.lower().replace("\\", "/").split("/")
    if _OPEN.match(name):
        return False
    is_kept_in_secret = not _SECRET_FOLDERS.isdisjoint(folders)
    return is_kept_in_secret or bool(_SECRET.match(name)) or "/".join((*folders, name)).endswith(_SECRET_PATHS)


def check_secrets(adds: Iterable[Add], *, allow: bool | None) -> None:
    """Warn about files that may contain secrets, judging by their paths in the repository and their local names.

    Args:
        allow: None warns (:class:`SecretFileWarning`), False raises, True does nothing.

    Raises:
        SecretsFound: a file may contain a secret, and ``allow`` is False.
    """
    if allow:
        return
    found = [
        add.path if is_secret(add.path) else f"{add.path} ({add.source.label})"
        for add in adds
        if is_secret(add.path) or is_secret(add.source.label)
    ]
    if found and allow is False:
        raise SecretsFound(tuple(found))
    _warn(found)


def warn_of_secrets(paths: Sequence[str]) -> None:
    """Warn about those paths that usually contain a secret."""
    _warn([path for path in paths if is_secret(path)])


def _warn(found: Sequence[str]) -> None:
    if found:
        names = ", ".join(found[:_MAX_NAMES]) + (", ..." if len(found) > _MAX_NAMES else "")
        user_warnings.warn(
            f"{len(found)} file(s) to be uploaded look like secrets: {names}; if they are, delete them from the "
            "repository, revoke what they hold, and leave them out the next time",
            SecretFileWarning,
        )
