"""Settings of a repository: its trusted publishers."""

from __future__ import annotations

from entrepot.errors import Malformed
from entrepot.hub.callers import MaybeCaller
from entrepot.hub.context import HubContext
from entrepot.hub.sso import issuers, publishers
from entrepot.hub.sso.publishers import PublisherDraft
from entrepot.names import RepoRef
from entrepot.server.pages.forms import Form
from entrepot.server.pages.frames import WebPage
from entrepot.server.pages.routing import PageRoute, repo_pages
from entrepot.server.pages.settings.repo_frame import repo_form, repo_settings_page, show_repo


def routes() -> list[PageRoute]:
    """Return the routes of this page."""
    return [
        *repo_pages("/settings/publishers", show_repo(build), has_short=False),
        *repo_pages("/settings/publishers", repo_form(_add, build), ["POST"], has_short=False),
        *repo_pages("/settings/publishers/remove", repo_form(_remove, build), ["POST"], has_short=False),
    ]


def build(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> WebPage:
    """Return the page of the trusted publishers.

    Raises:
        RepoNotFound, RepoMoved, RepoDisabled, LoginRequired, NotAllowed: no access.
    """
    values = {
        "form": form,
        "found": publishers.of_repo(hub, caller, ref),
        "issuers": issuers.trusted_urls(hub),
        "now_ms": hub.now_ms(),
    }
    return repo_settings_page(hub, caller, ref, "publishers", values)


def _add(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    role = publishers.READ if form.has("read") else publishers.WRITE
    draft = PublisherDraft(form.text("name"), form.text("issuer"), _parse_claims(form.text("claims")), role)
    publishers.add(hub, caller, ref, draft)
    return "/publishers?done=created"


def _remove(hub: HubContext, caller: MaybeCaller, ref: RepoRef, form: Form) -> str:
    publishers.remove(hub, caller, ref, form.text("publisher"))
    return "/publishers?done=removed"


def _parse_claims(text: str) -> dict[str, str]:
    """Return the claims that are written as ``name = pattern``, one on each line.

    Raises:
        Malformed: a line has no ``=``, or a claim occurs twice.
    """
    lines = [line.partition("=") for line in text.split("\n") if line.strip()]
    found = {name.strip(): pattern.strip() for name, _, pattern in lines}
    if len(found) < len(lines) or not all(sign for _, sign, _ in lines):
        raise Malformed("claims", "write one 'name = pattern' on each line, and each claim once")
    return found
