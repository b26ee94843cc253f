"""JSON of gated repositories: access requests, decisions, and the request form.

Source: docs/protocols/hf_api.md, section 1B.4; the description of a gate is an extension of this hub.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Requester(
    msgspec.Struct, frozen=True, kw_only=True, rename={"uid": "_id", "is_pro": "isPro", "avatar_url": "avatarUrl"}
):
    """The requesting user; ``email`` is None unless they asked themselves, ``user`` is None if the hub omits it."""

    uid: str = ""
    user: str | None = None
    fullname: str | None = None
    email: str | None = None
    type: str = "user"
    is_pro: bool = False
    avatar_url: str = ""


class AccessRequestInfo(msgspec.Struct, rename="camel", kw_only=True):
    """A request as the deciding users see it; ``fields`` is present only if the form had fields."""

    user: Requester = Requester()
    request_id: str
    status: str
    timestamp: str
    fields: Mapping[str, Any] | UnsetType = UNSET
    rejection_reason: str | UnsetType = UNSET


class OwnRequest(msgspec.Struct, rename="camel", kw_only=True):
    """A request as the requesting user sees it."""

    request_id: str
    status: str
    timestamp: str
    rejection_reason: str | UnsetType = UNSET


class GateOption(msgspec.Struct):
    """One option of a select field."""

    label: str
    value: str


class GateField(msgspec.Struct, omit_defaults=True):
    """A field of a form: ``text``, ``checkbox``, ``select``, ``date_picker``, ``country`` or ``ip_location``."""

    name: str
    type: str
    options: Sequence[GateOption] = ()


class GateInfo(msgspec.Struct, rename="camel", kw_only=True):
    """The gate of a repository; ``access`` is true if the caller may read the content."""

    gated: bool | str
    access: bool
    prompt: str | None
    heading: str | None
    button: str | None
    fields: Sequence[GateField]
    request: OwnRequest | None


class Decision(msgspec.Struct, rename="camel"):
    """Body of ``POST …/handle``; either ``user`` or ``requestId`` identifies the request."""

    status: str
    user: str | None = None
    request_id: str | None = None
    rejection_reason: str | None = None


class Grant(msgspec.Struct):
    """Body of ``POST …/grant``."""

    user: str


class RequesterRef(msgspec.Struct, rename="camel"):
    """One request in a batch, identified by user name or user id."""

    user: str | None = None
    user_id: str | None = None


class Decisions(msgspec.Struct, rename="camel"):
    """Body of ``POST …/batch``."""

    status: str
    requests: Sequence[RequesterRef]
    rejection_reason: str | None = None


class DecisionOutcome(msgspec.Struct, omit_defaults=True):
    """The outcome of one decision in a batch; ``error`` is present only if the decision failed."""

    user: str
    ok: bool
    error: str | None = None
