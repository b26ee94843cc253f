from __future__ import annotations

import httpx2

from entrepot.hub.files.operations import AddLarge
from entrepot.hub.repos import branches, commits
from entrepot.hub.repos.commits import CommitDraft
from entrepot.names import Sha256, parse_path
from tests.support.served_hub import ServedHub


def test_writers_see_what_a_deletion_frees(site: ServedHub, signed_in: httpx2.Client, browser: httpx2.Client) -> None:
    ref = site.repo("stored")
    site.commit_large(ref, "a.bin", bytes(range(256)) * 4_000)
    text = signed_in.get("/alice/stored/storage").text
    assert "Deleting this repository frees" in text
    assert "1.02 MB" in text
    assert ">main</a>" in text
    assert 'href="/alice/stored/storage"' in signed_in.get("/alice/stored").text
    assert 'href="/alice/stored/storage"' not in browser.get("/alice/stored").text
    assert browser.get("/alice/stored/storage").status_code == 401
    assert signed_in.get("/alice/stored/settings/storage").status_code == 404, "the figures have one page"


def test_several_branches_free_together_what_none_of_them_frees_alone(
    site: ServedHub, signed_in: httpx2.Client
) -> None:
    ref, data = site.repo("several"), bytes(reversed(range(256))) * 4_000
    site.commit(ref, {"a.txt": b"1"})
    first, second, full = "refs/heads/one", "refs/heads/two", "refs/heads/three"
    for name in (first, second, full):
        called = name.rpartition("/")[2]
        branches.create_branch(site.hub, site.caller(), ref, called, start="main", is_empty=False, overwrites=False)
    large = AddLarge(parse_path("shared.bin"), Sha256(site.store(ref, data)), len(data))
    for branch in ("one", "two"):
        commits.create(site.hub, site.caller(), ref, branch, CommitDraft("add", [large]))
    site.commit(ref, {"b.txt": b"2"}, "three")
    page, api = "/alice/several/storage", "/api/models/alice/several/storage"
    assert "frees <b>" not in signed_in.get(page).text
    assert 'value="refs/heads/main"' not in signed_in.get(page).text
    asked = f"?without={first}&without={second}"
    text = signed_in.get(page + asked).text
    assert "Deleting these 2 together" in text
    assert "frees <b>1.02 MB</b>" in text
    assert f'value="{first}" checked' in text
    assert "frees <b>0 B</b>" in signed_in.get(f"{page}?without={first}&without={full}").text
    with site.client(site.alice) as client:
        assert client.get(api + asked).json() == {"refs": [first, second], "freed": len(data)}
        assert client.get(f"{api}?without={first}").json()["freed"] == 0
        assert client.get(f"{api}?without=refs/heads/none").status_code == 404
        many = "&".join(f"without=refs/heads/b{number}" for number in range(101))
        assert client.get(f"{api}?{many}").status_code == 413
    assert signed_in.get(f"{page}?without=refs/heads/%3Cb%3E").status_code == 404
