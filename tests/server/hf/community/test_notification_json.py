from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.community.discussions import AuthorRow
from entrepot.catalog.community.notifications import NotificationRow
from entrepot.catalog.repos.folders import FolderRow
from entrepot.hub.community.notification_lists import Notification
from entrepot.names import RepoType, new_uid
from entrepot.server.hf.community.notification_json import path_of, render, sentence

BOB = AuthorRow(2, new_uid(), "bob", "Bob", "user")
ACME = AuthorRow(3, new_uid(), "acme", "Acme", "org")


def item(kind: str, actor: AuthorRow | None = BOB, reason: str = "personal", **data: Any) -> Notification:
    return Notification(NotificationRow("t", kind, reason, 2, 1, data=data, uid="u"), actor, None, None, ACME)


@pytest.mark.parametrize(
    ("kind", "data", "text", "path"),
    [
        ("invitation", {"role": "read"}, "bob invites you to acme, with the role 'read'", "/settings/account"),
        ("invitation-answer", {"answer": "declined"}, "bob declined the invitation to acme", "/acme"),
        ("membership", {"role": "write"}, "Your role in acme is 'write' now", "/acme"),
        ("membership", {"role": None}, "You are no longer a member of acme", "/acme"),
        ("access-request", {}, "bob asks for access", "/acme"),
        ("access-decision", {"status": "accepted"}, "You have access now", "/acme"),
        ("access-decision", {"status": "rejected"}, "Your request for access was rejected", "/acme"),
        (
            "webhook",
            {"host": "hooks.example", "webhook": "w1"},
            "A delivery to hooks.example failed too often and was given up",
            "/settings/webhooks/w1",
        ),
    ],
)
def test_each_kind_is_a_sentence_and_leads_to_a_page(kind: str, data: dict[str, Any], text: str, path: str) -> None:
    found = item(kind, **data)
    assert (sentence(found), path_of(found)) == (text, path)
    shown = render(found)
    assert (shown.id, shown.text, shown.actor, shown.organization, shown.read) == ("u", text, "bob", "acme", False)


@pytest.mark.parametrize(
    ("reason", "what", "text"),
    [
        ("mention", "comment", "bob mentioned you"),
        ("mention", "closed", "bob closed this"),
        ("watching", "opened", "bob opened this"),
        ("author", "merged", "bob merged this"),
        ("author", "unheard of", "bob changed this"),
    ],
)
def test_discussions_say_what_happened(reason: str, what: str, text: str) -> None:
    assert sentence(item("discussion", reason=reason, what=what)) == text


def test_a_deleted_account_has_no_name() -> None:
    assert sentence(item("access-request", None)) == "A deleted account asks for access"


@pytest.mark.parametrize(
    ("role", "org", "text"),
    [
        ("view", None, "bob shared the folder alice.llm with you: you may see its models"),
        ("edit", ACME, "bob shared the folder alice.llm with acme: you may see and change its models"),
    ],
)
def test_a_shared_folder_leads_to_its_page_while_the_reader_sees_it(
    role: str, org: AuthorRow | None, text: str
) -> None:
    row = NotificationRow(
        "t",
        "folder-grant",
        "personal",
        2,
        1,
        org_id=None if org is None else org.id,
        data={"folder": "f", "role": role},
    )
    folder = FolderRow(1, new_uid(), 5, RepoType.MODEL, (), "", None, 1, 1, "alice.llm", 4, None, is_public=False)
    seen, hidden = (Notification(row, BOB, None, None, org, shown) for shown in (folder, None))
    assert (sentence(seen), path_of(seen)) == (text, "/alice.llm")
    assert "llm" not in sentence(hidden)
    assert path_of(hidden) == "/notifications"
