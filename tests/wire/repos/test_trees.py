from __future__ import annotations

import msgspec

from entrepot.wire.repos.trees import LastCommit, LfsInfo, PathsRequest, TreeEntry, TreeSize

# The shapes are those of docs/protocols/hf_api.md, section 1A.4.
LARGE = (
    b'{"type":"file","oid":"02","size":987654,"path":"m.safetensors",'
    b'"lfs":{"oid":"ab","size":987654,"pointerSize":134},'
    b'"lastCommit":{"id":"cd","title":"first","date":"2024-05-01T12:34:56.789Z"}}'
)


def test_a_folder_has_no_keys_of_files() -> None:
    folder = TreeEntry(type="directory", oid="01", size=0, path="dir")
    assert msgspec.json.encode(folder) == b'{"type":"directory","oid":"01","size":0,"path":"dir"}'


def test_an_entry_reads_back_as_it_was_written() -> None:
    entry = TreeEntry(
        type="file",
        oid="02",
        size=987654,
        path="m.safetensors",
        lfs=LfsInfo(oid="ab", size=987654, pointer_size=134),
        last_commit=LastCommit(id="cd", title="first", date="2024-05-01T12:34:56.789Z"),
    )
    assert msgspec.json.encode(entry) == LARGE
    assert msgspec.json.decode(LARGE, type=TreeEntry) == entry


def test_keys_of_other_hubs_are_passed_over() -> None:
    text = b'{"type":"file","oid":"1","size":1,"path":"a","securityFileStatus":null}'
    assert msgspec.json.decode(text, type=TreeEntry).path == "a"


def test_a_question_for_paths_reads_back() -> None:
    question = PathsRequest(paths=["a", "b/"], expand=True)
    assert msgspec.json.decode(msgspec.json.encode(question), type=PathsRequest) == question


def test_a_size_names_its_folder() -> None:
    assert msgspec.json.encode(TreeSize(path="a", size=3)) == b'{"path":"a","size":3}'
