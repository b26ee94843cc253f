from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from entrepot.names import RepoType
from entrepot.previews import media
from tests.server.hf.files.test_dataset_viewer import dataset, get
from tests.support.media import media_table, png, wav
from tests.support.site import Site

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
IMAGE, AUDIO = {"_type": "Image"}, {"sampling_rate": 8000, "_type": "Audio"}
FEATURES: dict[str, Any] = {"i": IMAGE, "a.b&c": AUDIO, "l": {"feature": IMAGE, "_type": "List"}}
ROWS: list[dict[str, Any]] = [
    {"i": {"bytes": png(3, 2), "path": "x.png"}, "a.b&c": {"bytes": wav(), "path": "x.wav"}, "l": []},
    {"i": {"bytes": SVG, "path": "x.svg"}, "a.b&c": None, "l": [{"bytes": png(1, 1, 7), "path": None}]},
    {"i": {"bytes": None, "path": "pictures/a b.png"}, "a.b&c": {"bytes": None, "path": "../x.wav"}, "l": None},
]
PLACE = {"config": "default", "split": "train"}


def pictured(site: Site, **options: Any) -> tuple[str, str]:
    table = media_table(FEATURES, ROWS)
    return dataset(site, {"pictures/a b.png": png(9, 9), "a.parquet": table}, **options)


def rows_of(site: Site, repo: str, token: str | None = None, route: str = "rows", **query: Any) -> list[dict[str, Any]]:
    return [item["row"] for item in get(site, route, token, dataset=repo, **PLACE, **query).json()["rows"]]


def load(site: Site, url: str, token: str | None = None, headers: dict[str, str] | None = None) -> httpx2.Response:
    with site.client(token) as client:
        return client.get(url, headers=headers or {})


@pytest.mark.parametrize("route", ["rows", "first-rows"])
def test_media_of_cells_have_urls_of_their_bytes(site: Site, route: str) -> None:
    repo, oid = pictured(site)
    first, second, third = rows_of(site, repo, route=route)
    image, [sound] = first["i"], first["a.b&c"]
    assert (image["width"], image["height"], sound["type"]) == (3, 2, "audio/wav")
    assert image["src"].startswith(f"{site.url}/-/viewer/assets?")
    assert parse_qs(urlsplit(image["src"]).query)["revision"] == [oid]
    shown = load(site, image["src"])
    assert (shown.content, shown.headers["content-type"]) == (png(3, 2), "image/png")
    assert shown.headers["cache-control"] == "private, no-cache"
    assert load(site, image["src"], headers={"If-None-Match": shown.headers["etag"]}).status_code == 304
    assert load(site, sound["src"], headers={"Range": "bytes=0-3"}).content == b"RIFF"
    [nested] = second["l"]
    assert load(site, nested["src"]).content == png(1, 1, 7)
    assert second["a.b&c"] is None
    assert third["i"]["src"] == f"{site.url}/datasets/{repo}/resolve/{oid}/pictures/a%20b.png"
    assert load(site, third["i"]["src"]).content == png(9, 9)
    assert third["a.b&c"] == [{"src": None, "type": "audio/wav"}]


def test_what_could_be_a_script_is_saved_and_not_shown(site: Site) -> None:
    repo, _ = pictured(site)
    answer = load(site, rows_of(site, repo)[1]["i"]["src"])
    assert (answer.status_code, answer.content) == (200, SVG)
    told = {name: answer.headers[name] for name in ("content-type", "content-disposition", "x-content-type-options")}
    assert told == {
        "content-type": "application/octet-stream",
        "content-disposition": 'attachment; filename="cell.bin"',
        "x-content-type-options": "nosniff",
    }
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_url_means_the_bytes_of_its_commit(site: Site) -> None:
    repo, _ = pictured(site)
    old = rows_of(site, repo)[0]["i"]["src"]
    newer = media_table({"i": IMAGE}, [{"i": {"bytes": png(8, 8), "path": None}}])
    site.api().upload_file(path_or_fileobj=newer, path_in_repo="a.parquet", repo_id=repo, repo_type="dataset")
    assert load(site, old).content == png(3, 2)
    assert load(site, rows_of(site, repo)[0]["i"]["src"]).content == png(8, 8)


def test_rows_that_were_found_have_urls_too(site: Site) -> None:
    features: dict[str, Any] = {"i": IMAGE}
    rows = [{"i": {"bytes": png(at, 1), "path": f"{at}.png"}} for at in (1, 2)]
    repo, _ = dataset(site, {"a.parquet": media_table(features, rows)})
    [found] = rows_of(site, repo, route="filter", where="i.path = '2.png'")
    assert load(site, found["i"]["src"]).content == png(2, 1)


def test_tables_of_models_have_media_too(site: Site) -> None:
    repo = site.new_repo(RepoType.MODEL)
    table = media_table({"i": IMAGE}, [{"i": {"bytes": png(), "path": None}}])
    site.api().upload_file(path_or_fileobj=table, path_in_repo="a.parquet", repo_id=repo)
    assert load(site, rows_of(site, repo, type="model")[0]["i"]["src"]).content == png()


def test_media_of_a_private_dataset_answer_like_those_of_an_absent_one(site: Site) -> None:
    repo, oid = pictured(site, visibility="private")
    source = rows_of(site, repo, site.alice)[0]["i"]["src"]
    cell = {"revision": oid, "row": 0, "column": "i"}
    for token in (None, site.bob):
        for query in ({**PLACE, **cell}, {"path": "a.parquet", **cell}, cell, {}):
            hidden, absent = (get(site, "assets", token, dataset=name, **query) for name in (repo, "alice/absent"))
            assert (hidden.status_code, hidden.content) == (absent.status_code, absent.content)
        assert load(site, source, token).content != png(3, 2)
    assert load(site, source, site.alice).content == png(3, 2)
    assert get(site, "assets", site.alice, dataset=repo, path="a.parquet", **cell).content == png(3, 2)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"column": None}, 422, "InvalidParameter"),
        ({"config": None}, 422, "InvalidParameter"),
        ({"row": "-1"}, 422, "InvalidParameter"),
        ({"row": "x"}, 422, "InvalidParameter"),
        ({"part": ["0"] * 33}, 422, "InvalidParameter"),
        ({"row": "3"}, 404, None),
        ({"row": "2"}, 404, None),
        ({"part": "0"}, 404, None),
        ({"column": "i.bytes"}, 422, "NotSupportedError"),
        ({"column": "other"}, 422, "NotSupportedError"),
        ({"split": "other"}, 404, "ResponseNotFound"),
        ({"path": "pictures/a b.png"}, 422, "NotSupportedError"),
        ({"path": "absent.parquet"}, 404, "EntryNotFound"),
        ({"path": "../a.parquet"}, 422, None),
    ],
)
def test_cells_without_media_are_refused(site: Site, query: dict[str, Any], status: int, code: str | None) -> None:
    repo, _ = pictured(site)
    asked = {"dataset": repo, **PLACE, "row": "0", "column": "i", **query}
    answer = get(site, "assets", **{name: value for name, value in asked.items() if value is not None})
    assert (answer.status_code, code in (None, answer.headers.get("x-error-code"))) == (status, True)


def test_large_media_are_refused(site: Site) -> None:
    data = b"GIF89a" + bytes(media.MAX_MEDIUM)
    repo, _ = dataset(site, {"a.parquet": media_table({"i": IMAGE}, [{"i": {"bytes": data, "path": None}}])})
    answer = load(site, rows_of(site, repo)[0]["i"]["src"])
    assert (answer.status_code, answer.headers["x-error-code"]) == (422, "NotSupportedError")
