from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.support.served_hub import ServedHub

pa: Any = pytest.importorskip("pyarrow")
pq: Any = pytest.importorskip("pyarrow.parquet")

Show = Callable[[str], str]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"


def parquet(rows: int = 250) -> bytes:
    """A table in row groups of 100."""
    sink = io.BytesIO()
    table = pa.table({"n": list(range(rows)), "<b>name</b>": [f"{HOSTILE}{at}" for at in range(rows)]})
    pq.write_table(table, sink, row_group_size=100)
    return sink.getvalue()


@pytest.fixture(scope="module")
def tables(site: ServedHub) -> ServedHub:
    """A dataset with a Parquet split and one with pictures and two splits."""
    site.commit_large(site.repo("rows", "dataset"), "data/train-00000-of-00001.parquet", parquet())
    listed = b"file,text\ncat.png,a\nhttps://evil.example/x.png,b\n" + b"x," + b"y" * 3000 + b"\n"
    files = {"train.csv": listed, "test.csv": b"file,text\nz,3\n", "cat.png": b"\x89PNG"}
    site.commit(site.repo("pictured", "dataset"), files)
    return site


@pytest.mark.usefixtures("tables")
def test_rows_are_shown_by_hundreds_at_any_offset(show: Show) -> None:
    text = show("/datasets/alice/rows/viewer")
    assert "1–100 of 250" in text
    assert "offset=100" in text
    last = show("/datasets/alice/rows/viewer?offset=249")
    assert "250–250 of 250" in last
    assert ">249</a></td>" in last
    assert "No rows." in show("/datasets/alice/rows/viewer?offset=9999999")


@pytest.mark.usefixtures("tables")
def test_hostile_cells_and_columns_are_text(show: Show) -> None:
    paths = ("viewer", "viewer?statistics=1", "viewer?query=script", "blob/main/data/train-00000-of-00001.parquet")
    for path in paths:
        text = show(f"/datasets/alice/rows/{path}")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text, path
        assert text.count("<script") == 2  # those of every page
        assert "<img src=x" not in text
        assert "<b>name" not in text


@pytest.mark.usefixtures("tables")
def test_pictures_are_those_of_the_repository(browser: httpx2.Client, show: Show) -> None:
    commit = browser.get("/api/datasets/alice/pictured").json()["sha"]
    for path in ("viewer", "blob/main/train.csv"):
        text = show(f"/datasets/alice/pictured/{path}")
        assert f'src="/datasets/alice/pictured/resolve/{commit}/cat.png"' in text
        assert 'src="https://evil' not in text
        assert 'href="https://evil' not in text


@pytest.mark.usefixtures("tables")
def test_long_cells_are_cut_and_a_row_can_be_seen_whole(show: Show) -> None:
    assert "y" * 401 not in show("/datasets/alice/pictured/viewer?split=train")
    assert "y" * 3000 in show("/datasets/alice/pictured/viewer?split=train&offset=2&length=1")
    assert "y" * 3000 in show("/datasets/alice/pictured/blob/main/train.csv?offset=2&length=1")


@pytest.mark.usefixtures("tables")
def test_search_filter_order_and_sql_are_forms_without_scripts(show: Show) -> None:
    base = "/datasets/alice/rows/viewer"
    assert "up to 10 seconds of processor time and 15 seconds in all" in show(base)
    assert "1–10 of 10" in show(f"{base}?where=%22n%22+%3E%3D+240")
    assert ">249</a></td>" in show(f"{base}?orderby=%22n%22+desc")
    assert "1–1 of 1" in show(f'{base}?where="n"=77')
    assert ">500</td>" in show(f"{base}?sql=SELECT+sum(n)*0%2B500+AS+s+FROM+train")
    assert "No rows." in show(f"{base}?query=zebra")


@pytest.mark.usefixtures("tables")
def test_a_wrong_query_is_explained_and_kept(browser: httpx2.Client) -> None:
    base = "/datasets/alice/rows/viewer"
    for path in (f"{base}?sql=DELETE+FROM+train", f"{base}?where=%22none%22+%3D+1", f"{base}?where=a;b"):
        answer = browser.get(path)
        assert answer.status_code == 422, path
        assert 'role="alert"' in answer.text
        assert "1–100 of 250" in answer.text, path
    assert "DELETE FROM train</textarea>" in browser.get(f"{base}?sql=DELETE+FROM+train").text


@pytest.mark.usefixtures("tables")
def test_splits_are_chosen_by_links_and_addresses(show: Show, browser: httpx2.Client) -> None:
    text = show("/datasets/alice/pictured/viewer/default/test")
    assert ">3</td>" in text
    assert "config=default&amp;split=train" in text
    assert browser.get("/datasets/alice/pictured/viewer?split=none").status_code == 404


def test_a_private_dataset_is_an_absent_one(site: ServedHub, browser: httpx2.Client, signed_in: httpx2.Client) -> None:
    hidden = site.repo("hidden-rows", "dataset", visibility="private")
    site.commit(hidden, {"a.csv": b"a\n1\n"})
    assert signed_in.get("/datasets/alice/hidden-rows/viewer").status_code == 200
    found, absent = (browser.get(f"/datasets/alice/{name}/viewer") for name in ("hidden-rows", "absent-rows"))
    assert found.status_code == absent.status_code == 401


def test_a_dataset_without_tables_says_so(site: ServedHub, show: Show) -> None:
    site.commit(site.repo("empty-rows", "dataset"), {"README.md": b"# x\n"})
    assert "These tables are not shown." in show("/datasets/alice/empty-rows/viewer")


@pytest.mark.usefixtures("tables")
def test_without_the_extra_the_page_says_what_to_install(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for path in ("viewer", "blob/main/data/train-00000-of-00001.parquet"):
        assert "entrepot[server,preview]" in show(f"/datasets/alice/rows/{path}")
    text = show("/datasets/alice/pictured/blob/main/test.csv")
    assert "entrepot[server,preview]" in text
    assert "<td>z,3</td>" in text


def test_the_card_shows_first_rows_once_the_viewer_has_read_them(site: ServedHub, show: Show) -> None:
    ref = site.repo("carded", "dataset")
    site.commit_large(ref, "train.parquet", parquet())
    site.commit(ref, {"README.md": b"# Carded\n"})
    before = show("/datasets/alice/carded")
    assert "First rows" not in before
    assert 'href="/datasets/alice/carded/viewer"' in before
    show("/datasets/alice/carded/viewer")
    text = show("/datasets/alice/carded")
    box = text[text.index('id="rows"') : text.index("README.md")]
    assert "train, 250 rows" in " ".join(box.split())
    assert box.count("<tr>") == 1 + 5
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in box
    assert "<script" not in box


def test_the_card_of_a_gated_dataset_shows_rows_to_readers_only(
    site: ServedHub, show: Show, signed_in: httpx2.Client
) -> None:
    site.commit_large(site.repo("locked", "dataset"), "train.parquet", parquet())
    signed_in.get("/datasets/alice/locked/viewer").raise_for_status()
    assert "First rows" in show("/datasets/alice/locked")
    with site.client(site.alice) as client:
        client.put("/api/datasets/alice/locked/settings", json={"gated": "manual"}).raise_for_status()
    assert "First rows" not in show("/datasets/alice/locked")
    assert "First rows" in signed_in.get("/datasets/alice/locked").text
