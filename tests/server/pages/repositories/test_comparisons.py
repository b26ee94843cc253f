from __future__ import annotations

import random
from collections.abc import Callable

import httpx2
import pytest

from entrepot.catalog.repos import repositories
from tests.hub.comparisons.test_tensors import safetensors
from tests.support import hub_work
from tests.support.populated_hub import picture
from tests.support.served_hub import ServedHub

pytest.importorskip("pyarrow")

Show = Callable[[str], str]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def commits(site: ServedHub) -> list[str]:
    """The commits of alice/compared: a table and a model in two versions."""
    ref = site.repo("compared")
    chance = random.Random(2)
    weights = [chance.randbytes(300_000) for _ in range(3)]
    old = {f"a{HOSTILE}": ("U8", [300_000], weights[0]), "b": ("U8", [300_000], weights[1])}
    new = {f"a{HOSTILE}": ("U8", [300_000], weights[0]), "b": ("U8", [300_000], weights[2])}
    found = [
        site.commit(ref, {"t.csv": b"id,x\n1,a\n2,b\n", "d/notes.txt": b"one\n"}),
        site.commit_large(ref, "m.safetensors", safetensors(old)),
        site.commit_large(ref, "m.safetensors", safetensors(new, note=HOSTILE)),
        site.commit(ref, {"t.csv": f"id,x\n1,{HOSTILE}\n2,b\n3,c\n".encode(), "d/notes.txt": b"two\n"}),
    ]
    with site.hub.read() as tx:
        row = repositories.find(tx, ref)
    assert row is not None
    hub_work.chunk_files(site.hub, row.id)
    return found


def test_a_comparison_shows_commits_large_files_and_lines(commits: list[str], show: Show) -> None:
    text = show(f"/alice/compared/compare/{commits[1]}...main")
    assert f">{commits[1][:7]}...main</h2>" in text
    assert "2 commits" in text
    assert "Compare tensors" in text
    assert "Compare rows" in text
    assert "% shared with the old side" in text
    assert '<span class="vh">added </span><span aria-hidden="true">+</span>two' in text
    assert "version https://git-lfs" not in text
    assert text.count("<script") == 2  # those of every page


def test_rows_that_differ_are_shown_side_by_side(commits: list[str], show: Show) -> None:
    text = show(f"/alice/compared/compare/{commits[0]}..main?file=t.csv")
    assert '<del><span class="vh">before </span>a</del>' in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</ins>" in text
    assert text.count("<script") == 2  # those of every page
    assert '<tr class="a"><td class="mark">ADD</td>' in text


def test_tensors_that_differ_are_listed_with_the_bytes_read(commits: list[str], show: Show) -> None:
    text = show(f"/alice/compared/compare/{commits[1]}..{commits[2]}?file=m.safetensors")
    assert "1 tensor, 300 kB" in text
    assert "Read for this page" in text
    assert '<td class="mono">b</td><td>changed</td>' in text
    assert text.count("<script") == 2  # those of every page


def test_a_wrong_key_is_explained_and_can_be_corrected(commits: list[str], browser: httpx2.Client) -> None:
    answer = browser.get(f"/alice/compared/compare/{commits[0]}..main?file=t.csv&key=none")
    assert answer.status_code == 422
    assert "which is not a column of both tables" in answer.text
    assert 'name="key" value="none"' in answer.text


def test_files_without_a_comparison_say_why(commits: list[str], show: Show, browser: httpx2.Client) -> None:
    lines = show(f"/alice/compared/compare/{commits[0]}..main?file=d/notes.txt")
    assert '<span aria-hidden="true">+</span>two' in lines
    assert "on one side only" in show(f"/alice/compared/compare/{commits[0]}..main?file=m.safetensors")
    assert "the same content" in show("/alice/compared/compare/main..main?file=t.csv")
    for path in (f"{commits[0]}..main?file=none.csv", "main..none", "none...main"):
        assert browser.get(f"/alice/compared/compare/{path}").status_code == 404, path
    assert browser.get("/alice/compared/compare/main").status_code == 400


def test_a_commit_shows_how_much_is_new(commits: list[str], show: Show) -> None:
    text = show(f"/alice/compared/commit/{commits[2]}")
    assert "Compare tensors" in text
    assert f"/compare/{commits[1]}..{commits[2]}?file=m.safetensors" in text


def test_pages_name_their_twin_in_the_api(commits: list[str], browser: httpx2.Client, show: Show) -> None:
    paths = (
        "",
        "/tree/main",
        "/blob/main/t.csv",
        "/commits/main",
        f"/commit/{commits[3]}",
        f"/compare/{commits[0]}..main",
    )
    for path in paths:
        text = show(f"/alice/compared{path}")
        twin = text.partition('type="application/json" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert browser.get(twin, headers={"accept": "application/json"}).status_code == 200, twin
        assert "curl -H" in text


def test_two_revisions_are_chosen(site: ServedHub, browser: httpx2.Client) -> None:
    ref = site.repo("chosen")
    old, new = site.commit(ref, {"a.txt": b"1"}), site.commit(ref, {"a.txt": b"2"})
    page = browser.get("/alice/chosen/compare").text
    assert '<option value="main">' in page
    found = browser.get("/alice/chosen/compare", params={"base": old, "head": new})
    assert found.url.path == f"/alice/chosen/compare/{old}...{new}"
    assert "a.txt" in found.text
    for path in ("/alice/hidden/compare", "/alice/no-such/compare"):
        assert browser.get(path, params={"base": "a", "head": "b"}).status_code == 401
        assert browser.get(path).status_code == 401


def test_two_versions_of_a_picture_lie_one_over_the_other(site: ServedHub, show: Show) -> None:
    ref = site.repo("painted")
    old = site.commit(ref, {"p/one.png": picture(), "p/gone.png": picture()})
    new = site.commit(ref, {"p/one.png": picture() + b"\0", "p/fresh.png": picture()})
    for text in (show(f"/alice/painted/commit/{new}"), show(f"/alice/painted/compare/{old}..{new}?file=p/one.png")):
        assert text.count('class="swipe"') == 1
        assert f'src="/alice/painted/resolve/{old}/p/one.png" alt="before"' in text
        assert f'src="/alice/painted/resolve/{new}/p/one.png" alt="after"' in text
    one_sided = show(f"/alice/painted/compare/{old}..{new}?file=p/fresh.png")
    assert 'class="swipe"' not in one_sided
    assert "p/fresh.png" in one_sided
