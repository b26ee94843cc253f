"""Manifests of the old format, usual and hostile."""

from __future__ import annotations

import pytest
import yaml

from entrepot.errors import InvalidName, LimitExceeded, Malformed
from entrepot.workspace.manifests import cid_of, legacy
from entrepot.workspace.manifests.legacy import parse_legacy

ONE, TWO = cid_of(b"1"), cid_of(b"2")


def paths_of(text: str) -> dict[str, str]:
    return {str(path): entry.cid for path, entry in parse_legacy(text).files.items()}


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}: !!set\n  data/b: null\n  data/a: null\n{TWO}: !!set\n  data/c: null\n",
        f"{ONE}: !!set\n  ? data/b\n  ? data/a\n{TWO}: !!set\n  ? data/c\n",
        f"{ONE}: !!set\n  'data/b':\n  'data/a': null\n{TWO}: !!set {{data/c: null}}\n",
        f"{ONE}: !!set {{data/b, data/a}}\n{TWO}: !!set\n  ? data/c\n  : null\n",
        f"{{{ONE}: !!set {{? data/b, ? data/a}}, {TWO}: {{data/c: ~}}}}",
    ],
)
def test_every_way_to_write_it(text: str) -> None:
    assert paths_of(text) == {"data/b": ONE, "data/a": ONE, "data/c": TWO}
    assert list(paths_of(text)) == ["data/b", "data/a", "data/c"]
    assert parse_legacy(text).is_legacy


UNUSUAL = ["data/ü.txt", "data/it's", "- x/y", "2020/01", "1/2", "true/no", "~/x", "ab: b/c", "a #b/c", "!!x/y"]


@pytest.mark.parametrize("path", [*UNUSUAL, "x" * 200 + "/y z"])
def test_unusual_names_are_read_as_a_yaml_library_wrote_them(path: str) -> None:
    text = yaml.safe_dump({ONE: {path}}, allow_unicode=True)
    assert paths_of(text) == {path: ONE}


def test_a_text_of_ten_thousand_files_needs_no_yaml_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy, "_parse_yaml", None)
    cids = {f"data/{number}.jpg": cid_of(b"%d" % number) for number in range(10_000)}
    text = "".join(f"{cid}: !!set\n  {path}: null\n" for path, cid in cids.items())
    assert paths_of(text) == cids


@pytest.mark.parametrize("text", ["", "{}", "---\n", "# nothing\n", "null\n", "~"])
def test_an_empty_manifest(text: str) -> None:
    assert paths_of(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}: &a !!set\n  data/x: null\n{TWO}: *a\n",
        f"{ONE}: [data/x]\n",
        f"{ONE}: data/x\n",
        f"{ONE}: !!set\n  data/x: 5\n",
        f"{ONE}: !!set\n  data/x: {{a: b}}\n",
        f"{ONE}: !!set\n  ? {{a: b}}\n  : null\n",
        "just a text",
        f"{ONE}: !!set\n  data/x: null\n{TWO}: !!set\n  data/x: null\n",
        f"{ONE}: !!set\n  ../x: null\n",
        f"{ONE}: !!set\n  /etc/cron.d/x: null\n",
        f"{ONE}: !!set\n  .git/hooks/x: null\n",
        f"{ONE}: !!set\n  data/x: null\n  data/x/y: null\n",
        f"{ONE}: !!set\n  data/x: null\n" + "- broken",
        "{" * 5000,
    ],
)
def test_a_text_that_is_not_a_manifest_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_legacy(text)


@pytest.mark.parametrize("key", ["a", "zdj7W" + "l" * 44, "!!python/object/apply:os.system"])
def test_a_key_that_is_no_id_is_refused(key: str) -> None:
    with pytest.raises((InvalidName, Malformed)):
        parse_legacy(f"{key}: !!set\n  data/x: null\n")


def test_a_long_text_with_unusual_syntax_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy, "MAX_UNUSUAL_BYTES", 20)
    with pytest.raises(LimitExceeded):
        parse_legacy(f"{ONE}: {{data/x: null}}\n")
