from __future__ import annotations

import json
import pathlib
import struct
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("pyarrow")

Run = Callable[..., Any]


def model(tensors: dict[str, bytes]) -> bytes:
    header, data = dict[str, object](), b""
    for name, content in tensors.items():
        place = [len(data), len(data) + len(content)]
        header[name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": place}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.fixture
def versions(at_hub: Run, made: str, tmp_path: pathlib.Path) -> tuple[str, str]:
    """A repository and the commit before its last one."""
    for number, (table, tensors) in enumerate(
        (
            ("id,x\n1,a\n2,b\n", {"same": b"1", "other": b"2", "gone": b"3"}),
            ("id,x\n1,a\n2,c\n3,d\n", {"same": b"1", "other": b"X"}),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "a.csv").write_text(table)
        (folder / "m.safetensors").write_bytes(model(tensors))
        at_hub("upload", made, str(folder), ".")
        if number == 0:
            at_hub("repo", "tag", "create", made, "first")
    return made, "first"


def test_revisions_are_compared_by_content(at_hub: Run, versions: tuple[str, str]) -> None:
    repo, old = versions
    lines = at_hub("diff", repo, old, "main").out.splitlines()
    assert [line.split("  (")[0] for line in lines] == ["changed  a.csv", "changed  m.safetensors"]
    assert at_hub("diff", repo, old, "main", "--json").json["isComplete"]

    table = at_hub("diff", repo, old, "main", "--file", "a.csv", "--key", "id").out
    assert "rows compared by id: 1 added, 0 removed, 1 changed (2 -> 3)" in table
    assert '~ {"id": 2} {"x": ["b", "c"]}' in table
    assert '+ {"id": 3, "x": "d"}' in table
    assert at_hub("diff", repo, old, "main", "--direct", "--file", "a.csv", "--json").json["table"]["changed"] == 1

    tensors = at_hub("diff", repo, old, "main", "--file", "m.safetensors").out
    assert "tensor changed: other  at most 1 bytes differ" in tensors
    assert "tensor removed: gone  U8[1] -> none" in tensors
    assert "1 tensors without a difference (1 bytes)" in tensors


def test_an_unknown_revision_is_an_error(at_hub: Run, made: str) -> None:
    assert at_hub("diff", made, "absent", "main").code == 1


def test_equal_revisions_are_said_to_be_equal(at_hub: Run, versions: tuple[str, str]) -> None:
    repo, first = versions
    assert at_hub("diff", repo, first, first).out == "no file differs\n"
    assert "no file differs" not in at_hub("diff", repo, first, "main").out
