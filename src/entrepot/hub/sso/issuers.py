"""Issuers that an administrator trusts: their documents, fetched within the rules for outgoing requests.

Only the settings choose what is fetched: tokens of unknown issuers are refused before. What an issuer says about
its own addresses is not trusted either: each must be public, unless the settings allow others.
Source: OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from entrepot.errors import InvalidName, IssuerUnavailable, Malformed, OAuthRefused, shown
from entrepot.hub.context import HubContext
from entrepot.hub.public_addresses import NotPublic
from entrepot.hub.sso.strict_json import parse_object
from entrepot.hub.webhooks import outbound_http
from entrepot.hub.webhooks.outbound_http import NoAnswer

MAX_DOCUMENT = 256 << 10
"""Maximum size of a document of an issuer in bytes."""

_DISCOVERY = "/.well-known/openid-configuration"


@attrs.frozen
class Issuer:
    """A trusted issuer: ``url`` is exactly its claim ``iss``; ``key_file``: where its keys are, None to fetch them."""

    url: str
    key_file: Path | None = None


def trusted_urls(hub: HubContext) -> list[str]:
    """Return the issuers that the settings trust for publishers."""
    return [entry.partition("=")[0].strip() for entry in hub.settings.oidc_issuers]


def trusted(hub: HubContext, url: str) -> Issuer:
    """Return the issuer with this URL if the settings trust it for publishers.

    Raises:
        OAuthRefused: the setting ``oidc_issuers`` does not name it.
    """
    for entry in hub.settings.oidc_issuers:
        name, _, file = (part.strip() for part in entry.partition("="))
        if name == url:
            return Issuer(url, Path(file) if file else None)
    cure = "an administrator can add it to the setting oidc_issuers"
    raise OAuthRefused("invalid_grant", f"the hub does not trust the issuer {shown(url)}; {cure}")


def discover(hub: HubContext, url: str) -> Mapping[str, Any]:
    """Return the metadata document of an issuer.

    Raises:
        IssuerUnavailable: it cannot be reached, or its answer is not usable.
    """
    found = fetch_object(hub, url.removesuffix("/") + _DISCOVERY)
    if found.get("issuer") != url:
        raise IssuerUnavailable(f"the issuer {shown(url)} calls itself {shown(str(found.get('issuer')))}")
    return found


def fetch_object(hub: HubContext, url: str, form: bytes | None = None, **headers: str) -> Mapping[str, Any]:
    """Return the JSON object at an address of an issuer; errors as :func:`fetch`.

    Args:
        form: the body of a POST; None for a GET.
    """
    data = fetch(hub, url, form, **headers)
    try:
        return parse_object(data, "answer")
    except Malformed:
        raise IssuerUnavailable(f"the answer of {_host(url)} is not a JSON object") from None


def fetch(hub: HubContext, url: str, form: bytes | None = None, **headers: str) -> bytes:
    """Return the document at an address of an issuer: at most 256 KiB, within 15 seconds, without redirects.

    Raises:
        IssuerUnavailable: it cannot be reached or is not allowed, or the answer is too large or an error.
    """
    reaches_private = hub.settings.oidc_private_issuers
    try:
        target = outbound_http.parse_target(url)
        if target.scheme != "https" and not reaches_private:
            raise IssuerUnavailable(
                f"the address of the issuer {_host(url)} does not begin with https://, "
                "which is allowed only with the setting oidc_private_issuers"
            )
        sent = {"accept": "application/json", **headers}
        if form is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        found = outbound_http.send(
            "GET" if form is None else "POST",
            target,
            form,
            sent,
            reaches_private=reaches_private,
            limit=MAX_DOCUMENT + 1,
        )
    except NotPublic as blocked:
        cure = "an administrator can allow that with the setting oidc_private_issuers"
        raise IssuerUnavailable(f"{blocked}; {cure}") from blocked
    except (NoAnswer, InvalidName) as failure:
        raise IssuerUnavailable(f"the issuer cannot be reached: {failure}") from failure
    if found.status != 200:
        raise IssuerUnavailable(f"the issuer at {_host(url)} answered {found.status}{_error_of(found.body)}")
    if len(found.body) > MAX_DOCUMENT:
        raise IssuerUnavailable(f"the answer of the issuer at {_host(url)} is larger than {MAX_DOCUMENT >> 10} KiB")
    return found.body


def _error_of(body: bytes) -> str:
    """Return the word for the error in an answer of OAuth."""
    try:
        word = json.loads(body[:2000]).get("error")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return f" ({shown(word)})" if isinstance(word, str) else ""


def _host(url: str) -> str:
    return shown(url.partition("://")[2].partition("/")[0])
