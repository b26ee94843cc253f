"""Credentials of S3-compatible services: from the environment, or from a profile in the folder ``.aws``."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

import attrs

from entrepot.errors import ConfigError, StorageRefused

DEFAULT = "default"
DEFAULT_REGION = "us-east-1"

_INDIRECT = ("role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file")


@attrs.frozen
class AwsCredentials:
    """The credentials of a profile. Without ``key_id``, they come from the role of the machine.

    ``label`` is how messages name the credentials.
    """

    label: str
    region: str | None
    endpoint_url: str | None
    key_id: str | None = None
    secret: str | None = attrs.field(default=None, repr=False)
    token: str | None = attrs.field(default=None, repr=False)


def find_credentials(profile: str, environ: Mapping[str, str], home: Path, storage: str) -> AwsCredentials:
    """Return the credentials of a profile; for the profile ``default``, those in the environment come first.

    Args:
        storage: how messages name the storage.

    Raises:
        StorageRefused: the profile does not exist, has no keys, or obtains them in a way that is not supported.
        ConfigError: a file of the folder ``.aws`` cannot be read.
    """
    section = _read_profile(profile, environ, home)
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or section.get("region")
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or section.get("endpoint_url")
    key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if profile == DEFAULT and key_id and secret:
        token = environ.get("AWS_SESSION_TOKEN")
        return AwsCredentials("keys in the environment", region, endpoint, key_id, secret, token)
    label = f"profile '{profile}'"
    key_id, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    if key_id and secret:
        return AwsCredentials(label, region, endpoint, key_id, secret, section.get("aws_session_token"))
    indirect = next((name for name in _INDIRECT if section.get(name)), None)
    if indirect is not None:
        reason = f"it obtains its keys through {indirect}, which is not supported; put them into the environment"
        raise StorageRefused(storage, label, reason)
    if profile != DEFAULT:
        raise StorageRefused(storage, label, "it has no access key in ~/.aws/credentials; add it with 'aws configure'")
    return AwsCredentials("role of this machine", region, endpoint)


def _read_profile(profile: str, environ: Mapping[str, str], home: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    sections = (profile,) if profile == DEFAULT else (f"profile {profile}",)
    for variable, name, titles in (
        ("AWS_CONFIG_FILE", "config", (*sections, f"profile {profile}")),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", (profile,)),
    ):
        path = Path(environ.get(variable) or home / ".aws" / name)
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            # The message of the parser quotes the line, which may be a secret.
            raise ConfigError(f"profile {profile}", str(path), f"cannot read it: {type(error).__name__}") from None
        for title in titles:
            if parser.has_section(title):
                found.update(parser.items(title))
    return found
