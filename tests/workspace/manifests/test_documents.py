"""Manifests of format 2: exact bytes, parts, and refusal of what cannot be right."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
import yaml

from entrepot.errors import InvalidName, LimitExceeded, Malformed
from entrepot.names import RepoPath
from entrepot.workspace.manifests import (
    MANIFEST,
    Manifest,
    ManifestEntry,
    cid_of,
    documents,
    named_parts,
    parse_manifest,
    render_manifest,
)

SHA = "0123456789abcdef" * 4
CID = cid_of(b"old")
SMALL = Manifest.of(
    [
        (RepoPath("data/train/a"), ManifestEntry(sha256=SHA, size=300_000)),
        (RepoPath("data/run.sh"), ManifestEntry(sha256=SHA, size=12, x=1)),
        (RepoPath("data/old"), ManifestEntry(cid=CID, size=700_001)),
    ]
)
TEXT = f"""{{"format":2,"files":{{
"data/old":{{"cid":"{CID}","size":700001}},
"data/run.sh":{{"sha256":"{SHA}","size":12,"x":1}},
"data/train/a":{{"sha256":"{SHA}","size":300000}}
}}}}
"""


def parse(texts: Mapping[str, bytes]) -> Manifest:
    return parse_manifest(texts[MANIFEST], lambda path: texts[path])


def test_the_exact_text() -> None:
    assert render_manifest(SMALL) == {MANIFEST: TEXT.encode()}
    assert parse({MANIFEST: TEXT.encode()}) == SMALL


def test_it_is_yaml_too() -> None:
    assert yaml.safe_load(TEXT)["files"]["data/run.sh"] == {"sha256": SHA, "size": 12, "x": 1}


def test_no_files() -> None:
    texts = render_manifest(Manifest.of([]))
    assert texts == {MANIFEST: b'{"format":2,"files":{\n}}\n'}
    assert parse(texts).files == {}


@pytest.mark.parametrize("path", ["data/ü", 'quote"', "back\\slash", "# x", "'", "a b", "😀/x", "null", "\u2028x"])
def test_odd_names_survive(path: str) -> None:
    manifest = Manifest.of([(RepoPath(path), ManifestEntry(sha256=SHA, size=0))])
    assert parse(render_manifest(manifest)) == manifest


def large(count: int, changed: int = -1) -> Manifest:
    def entry(number: int) -> ManifestEntry:
        return ManifestEntry(sha256=hashlib.sha256(b"%d" % number).hexdigest(), size=number + (number == changed))

    return Manifest.of((RepoPath(f"data/{number:06}.jpg"), entry(number)) for number in range(count))


def test_a_large_manifest_has_parts_of_which_a_change_replaces_one() -> None:
    texts, other = render_manifest(large(30_000)), render_manifest(large(30_000, 12_345))
    assert len(texts) > 3
    assert list(texts)[1:] == list(named_parts(texts[MANIFEST]))
    assert parse(texts) == large(30_000)
    assert len(texts.keys() - other.keys()) == 1
    assert texts[MANIFEST] != other[MANIFEST]


def test_a_part_with_other_bytes_is_refused() -> None:
    texts = dict(render_manifest(large(30_000)))
    name = list(texts)[1]
    texts[name] = texts[name].replace(b'"size":5}', b'"size":6}')
    with pytest.raises(Malformed, match=name):
        parse(texts)


def test_parts_in_another_order_are_refused() -> None:
    texts = dict(render_manifest(large(30_000)))
    first, second = (name.encode() for name in list(texts)[1:3])
    texts[MANIFEST] = texts[MANIFEST].replace(first, b"?").replace(second, first).replace(b"?", second)
    with pytest.raises(Malformed, match="order"):
        parse(texts)


@pytest.mark.parametrize("name", ["../../etc/passwd", "MANIFEST.d/x.json", "MANIFEST.d/../0123456789abcdef.json"])
def test_a_path_that_is_no_part_is_not_read(name: str) -> None:
    def read_part(path: str) -> bytes:
        raise AssertionError(path)

    with pytest.raises(Malformed, match="part"):
        parse_manifest(f'{{"format":2,"parts":["{name}"]}}\n'.encode(), read_part)


def row(path: str, entry: str) -> bytes:
    return f'{{"format":2,"files":{{\n"{path}":{entry}\n}}}}\n'.encode()


GOOD = f'{{"sha256":"{SHA}","size":1}}'


@pytest.mark.parametrize(
    "text",
    [
        b'{"format":2}\n',
        b'{"format":3,"files":{\n}}\n',
        b'{"format":2,"files":{\n}',
        b'{"format":2,"files":{\n},"parts":[]}\n',
        b'{"format":2,"files":{\n},"more":1}\n',
        row("x", GOOD).replace(b"\n", b"\n\n"),
        row("x", GOOD).replace(b":", b": "),
        row("x", GOOD[:-1] + ',"mode":1}'),
        row("x", GOOD.replace("1}", "-1}")),
        row("x", GOOD.replace(":1}", ":1e400}")),
        row("x", GOOD.replace(":1}", ":1125899906842625}")),
        row("x", f'{{"sha256":"{SHA[:-1]}","size":1}}'),
        row("x", f'{{"sha256":"{SHA.upper()}","size":1}}'),
        row("x", f'{{"sha256":"{SHA}"}}'),
        row("x", f'{{"sha256":"{SHA}","cid":"{CID}","size":1}}'),
        row("../x", GOOD),
        row(".ml-git/config.yaml", GOOD),
        row("x\\u0000", GOOD),
        row("x\\ud800", GOOD),
        row(f'x":{GOOD},"x', GOOD),
        row(f'x":{GOOD},\n"x', GOOD),
        row(f'y":{GOOD},\n"x', GOOD),
        row(f'x":{GOOD},\n"x/y', GOOD),
        b"\xff\xfe",
        b'{"format":2,"files":' + b"[" * 100_000,
    ],
)
def test_an_impossible_document_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        parse({MANIFEST: text})


def test_a_content_without_identity_is_refused() -> None:
    with pytest.raises(InvalidName):
        parse({MANIFEST: row("x", '{"size":1}')})


def test_an_unknown_size_is_not_written() -> None:
    with pytest.raises(Malformed, match="size"):
        render_manifest(Manifest.of([(RepoPath("x"), ManifestEntry(cid=CID))]))


def test_a_text_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 100)
    with pytest.raises(LimitExceeded):
        parse({MANIFEST: TEXT.encode()})


def test_the_old_format_is_recognised() -> None:
    manifest = parse({MANIFEST: f"{CID}: !!set\n  data/x: null\n".encode()})
    assert manifest.is_legacy
    assert named_parts(b"{}") == ()
