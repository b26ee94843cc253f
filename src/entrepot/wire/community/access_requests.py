"""Gated repositories in JSON: requests for access, decisions, and the form that is filled in.

Source: docs/protocols/hf_api.md, section 1B.4; the description of a gate is this hub's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Requester(
    msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "is_pro": "isPro", "avatar_url": "avatarUrl"}
):
    """Who asks; ``email`` is told only by those who asked themselves, ``user`` is None where a hub does not say it."""

    uid: str = ""
    user: str | None = None
    fullname: str | None = None
    email: str | None = None
    type: str = "user"
    is_pro: bool = False
    avatar_url: str = ""


class AccessRequestInfo(msgspec.Struct, rename="camel", kw_only=True):
    """A request as those who decide see it; ``fields`` only if the form had some."""

    user: Requester = Requester()
    request_id: str
    status: str
    timestamp: str
    fields: Mapping[str, Any] | UnsetType = UNSET
    rejection_reason: str | UnsetType = UNSET


class OwnRequest(msgspec.Struct, rename="camel", kw_only=True):
    """A request as its maker sees it."""

    request_id: str
    status: str
    timestamp: str
    rejection_reason: str | UnsetType = UNSET


class GateOption(msgspec.Struct):
    """One choice of a field."""

    label: str
    value: str


class GateField(msgspec.Struct, omit_defaults=True):
    """A field of a form: ``text``, ``checkbox``, ``select``, ``date_picker``, ``country`` or ``ip_location``."""

    name: str
    type: str
    options: Sequence[GateOption] = ()


class GateInfo(msgspec.Struct, rename="camel", kw_only=True):
    """What stands before the content of a repository; ``access`` says whether the caller may read it."""

    gated: bool | str
    access: bool
    prompt: str | None
    heading: str | None
    button: str | None
    fields: Sequence[GateField]
    request: OwnRequest | None


class Decision(msgspec.Struct, rename="camel"):
    """Body of ``POST …/handle``: one of ``user`` and ``requestId`` says whose request."""

    status: str
    user: str | None = None
    request_id: str | None = None
    rejection_reason: str | None = None


class Grant(msgspec.Struct):
    """Body of ``POST …/grant``."""

    user: str


class RequesterRef(msgspec.Struct, rename="camel"):
    """One request among several: of a user by name or by id."""

    user: str | None = None
    user_id: str | None = None


class Decisions(msgspec.Struct, rename="camel"):
    """Body of ``POST …/batch``."""

    status: str
    requests: Sequence[RequesterRef]
    rejection_reason: str | None = None


class DecisionOutcome(msgspec.Struct, omit_defaults=True):
    """What became of one of several decisions; ``error`` only when nothing did."""

    user: str
    ok: bool
    error: str | None = None
