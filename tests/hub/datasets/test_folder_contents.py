from __future__ import annotations

import base64

import pytest

from entrepot.errors import NotAllowed, UnsupportedDataset
from entrepot.hub.conversions import conversions
from entrepot.hub.datasets import folder_contents, searches, tables
from entrepot.hub.datasets.layouts import SplitRef
from entrepot.hub.datasets.queries import QuerySource, run
from entrepot.hub.files import flagged_files
from entrepot.names import RepoRef, RepoType
from entrepot.previews.images import measure_image
from entrepot.previews.sources import BytesRangeReader
from tests.support.worlds import World

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\0\x03\0\0\0\x02" + b"\x08\x02\0\0\0"
WHERE = ("main", "default", "train")


@pytest.fixture
def ref(world: World) -> RepoRef:
    return world.repo("alice/d", kind=RepoType.DATASET)


def rows(world: World, ref: RepoRef, revision: str = "main", split: str = "train", offset: int = 0) -> list[object]:
    page = tables.read_rows(world.hub, None, SplitRef(ref, revision, "default", split), offset=offset, length=10)
    return [dict(row.cells) for row in page.rows]


def converted(world: World, ref: RepoRef) -> None:
    list(conversions.convert_steps(world.hub, world.row_id(ref)))


def test_rows_are_files_with_labels_before_and_after_the_conversion(world: World, ref: RepoRef) -> None:
    assert measure_image(BytesRangeReader(PNG)).width == 3
    for path in ("cat/1.png", "dog/2.png", "dog/3.png"):
        world.add(ref, path, PNG)
    before = tables.read_rows(world.hub, None, SplitRef(ref, *WHERE), offset=1, length=10)
    assert before.features == {
        "image": {"_type": "Image"},
        "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
    }
    medium = {"src": "file:dog/2.png", "height": None, "width": None}
    assert dict(before.rows[0].cells) == {"image": medium, "label": 1}
    assert (before.total, before.is_partial, [row.index for row in before.rows]) == (3, False, [1, 2])
    found = searches.filter_rows(
        world.hub, None, SplitRef(ref, *WHERE), where='"label" = 0', order="", offset=0, length=5
    )
    assert [dict(row.cells)["image"]["src"] for row in found.rows] == ["file:cat/1.png"]  # type: ignore[call-overload]
    converted(world, ref)
    after = tables.read_rows(world.hub, None, SplitRef(ref, *WHERE), offset=1, length=10)
    assert after.features == before.features
    assert dict(after.rows[0].cells)["image"] == {"src": "embedded:image/png", "height": 2, "width": 3}
    assert tables.read_medium(world.hub, None, SplitRef(ref, *WHERE), row=2, column="image") == (after.commit, PNG)
    sizes = tables.measure(world.hub, None, ref, "main", None).splits
    assert [(size.rows, size.file_bytes) for size in sizes] == [(3, 3 * len(PNG))]


def test_sql_has_words_about_media_instead_of_their_bytes(world: World, ref: RepoRef) -> None:
    world.add(ref, "1.png", PNG)
    converted(world, ref)
    query = "select image, [image] as more, image.bytes as bytes from train"
    [row] = run(world.hub, None, [QuerySource("", ref, "main")], query).rows
    told = {"bytes": f"{len(PNG)} bytes of image/png, left out", "path": "1.png"}
    assert (row["image"], row["more"]) == (told, [told])
    assert row["bytes"] == base64.b64encode(PNG).decode()


def test_metadata_describe_the_files_of_each_split(world: World, ref: RepoRef) -> None:
    for split, text in (("train", "a"), ("test", "b")):
        world.add(ref, f"{split}/metadata.csv", f"file_name,text\n1.png,{text}\n".encode())
        world.add(ref, f"{split}/1.png", PNG)
    medium = {"src": "file:test/1.png", "height": None, "width": None}
    assert rows(world, ref, split="test") == [{"image": medium, "text": "b"}]
    result = run(
        world.hub, None, [QuerySource("", ref, "main")], 'select text from test union select text from "train"'
    )
    assert sorted(str(row["text"]) for row in result.rows) == ["a", "b"]
    converted(world, ref)
    assert rows(world, ref, split="test")[0] == {
        "image": {"src": "embedded:image/png", "height": 2, "width": 3},
        "text": "b",
    }


def test_what_metadata_name_elsewhere_is_refused(world: World, ref: RepoRef) -> None:
    world.add(ref, "1.png", PNG)
    world.add(ref, "metadata.csv", b"file_name\n../../bob/secret.png\n")
    with pytest.raises(UnsupportedDataset, match="leads out of the folder"):
        rows(world, ref)
    converted(world, ref)
    with pytest.raises(UnsupportedDataset, match="leads out of the folder"):
        rows(world, ref)


def test_metadata_in_too_many_files_are_not_looked_for(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in "ab":
        world.add(ref, f"{folder}/1.png", PNG)
        world.add(ref, f"{folder}/metadata.csv", b"file_name\n1.png\n")
    monkeypatch.setattr(folder_contents, "MAX_METADATA", 2)
    assert len(rows(world, ref)) == 2
    monkeypatch.setattr(folder_contents, "MAX_METADATA", 1)
    with pytest.raises(UnsupportedDataset, match="its metadata are 2 files; 1 are read"):
        tables.read_medium(world.hub, None, SplitRef(ref, *WHERE), row=0, column="image")
    with pytest.raises(UnsupportedDataset, match="its metadata are 2 files; 1 are read"):
        rows(world, ref, "main")


def test_metadata_that_are_too_large_or_hidden_are_not_read(
    world: World, ref: RepoRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add(ref, "1.png", PNG)
    world.add(ref, "metadata.csv", b"file_name\n1.png\n")

    def refuse(*_args: object, **_named: object) -> None:
        raise NotAllowed("flagged")

    with monkeypatch.context() as patch:
        patch.setattr(flagged_files, "check_served", lambda *args, **named: refuse() if named.get("oid") else None)
        with pytest.raises(NotAllowed):
            rows(world, ref)
    monkeypatch.setattr(folder_contents, "MAX_TEXT", 10)
    with pytest.raises(UnsupportedDataset, match="10 are read unless it was converted"):
        rows(world, ref)
