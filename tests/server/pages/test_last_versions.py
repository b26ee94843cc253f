from __future__ import annotations

import httpx2

from entrepot.hub.files.operations import DeleteFolder
from entrepot.hub.repos import commits, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.repositories import RepoChanges
from entrepot.names import RepoId, RepoPath, RepoRef, RepoType
from tests.support.served_hub import ServedHub


def removed(site: ServedHub, name: str) -> tuple[str, str]:
    """Return the commit before, and the one that removed, the folder of a new model."""
    ref = site.repo(name)
    before = site.commit(ref, {"docs/a b.txt": b"words\n"})
    draft = CommitDraft("Remove", [DeleteFolder(RepoPath("docs"))])
    return before, commits.create(site.hub, site.caller(), ref, "main", draft).oid


def test_a_removed_file_or_folder_leads_to_its_last_version(site: ServedHub, browser: httpx2.Client) -> None:
    before, after = removed(site, "emptied")
    for asked, action, path in (("blob", "blob", "docs/a%20b.txt"), ("tree", "tree", "docs"), ("blob", "tree", "docs")):
        answer = browser.get(f"/alice/emptied/{asked}/main/{path}")
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")
        page = f"/alice/emptied/{action}/{before}/{path}"
        assert f'href="{page}"' in answer.text
        assert f'href="/alice/emptied/commit/{after}"' in answer.text
        assert f'href="/alice/emptied/commits/main/{path}"' in answer.text
        assert browser.get(page).status_code == 200


def test_what_never_existed_or_did_not_exist_yet_leads_nowhere(site: ServedHub, browser: httpx2.Client) -> None:
    removed(site, "cleared")
    site.commit(site.repo("begun"), {"a.txt": b"a"})
    for path in ("cleared/blob/main/never.txt", "begun/blob/none/a.txt", "begun/tree/main/docs"):
        answer = browser.get(f"/alice/{path}")
        assert answer.status_code == 404
        assert "It was there before" not in answer.text


def test_programs_get_the_error_of_the_api(site: ServedHub, browser: httpx2.Client) -> None:
    removed(site, "scripted")
    answer = browser.get("/alice/scripted/blob/main/docs", headers={"accept": "*/*"})
    assert answer.status_code == 404
    assert answer.json() == {"error": "Entry not found"}


def test_the_gate_comes_first(site: ServedHub, browser: httpx2.Client) -> None:
    removed(site, "gated-later")
    ref = RepoRef(RepoType.MODEL, RepoId("alice", "gated-later"))
    repositories.configure(site.hub, site.caller(), ref, RepoChanges(gated="manual"))
    answer = browser.get("/alice/gated-later/blob/main/docs")
    assert (answer.status_code, answer.headers["x-error-code"]) == (401, "GatedRepo")
    assert "It was there before" not in answer.text


def test_the_address_of_a_file_as_a_folder_leads_to_the_file_and_the_other_way_round(
    site: ServedHub, browser: httpx2.Client
) -> None:
    site.commit(site.repo("mixed-up"), {"docs/a b.txt": b"words\n"})
    for asked, target in (
        ("tree/main/docs/a%20b.txt", "blob/main/docs/a%20b.txt"),
        ("blob/main/docs", "tree/main/docs"),
        ("blame/main/docs", "tree/main/docs"),
        ("blob/main", "tree/main"),
    ):
        answer = browser.get(f"/alice/mixed-up/{asked}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (302, f"/alice/mixed-up/{target}")
        assert browser.get(f"/alice/mixed-up/{target}").status_code == 200
    assert browser.get("/alice/mixed-up/blob/main/docs", headers={"accept": "*/*"}).status_code == 404
