from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from entrepot.git import DEFAULT_DATASET, DEFAULT_MODEL, DEFAULT_SPACE, Attributes
from entrepot.names import RepoPath

Git = Callable[..., bytes]

PATHS = [
    *[
        "a",
        "a.bin",
        "b/a.bin",
        "b/c/a.bin",
        "a/b",
        "saved_model/x/y",
        "saved_model/y",
        "x.tar.gz",
        "model.safetensors",
        "config.json",
    ],
    *["README.md", "x.png", "y.mp4", "data/train.parquet", "events.tfevents.1", "#a", "[attr]a", "é.bin"],
    "a b.bin",
    "b/c d/e",
    'q"q',
    "!a",
]
VALUES = {"lfs": True, "unspecified": None}
patterns = st.sampled_from(
    [
        "a",
        "*.bin",
        "a.bin",
        "/a.bin",
        "b/*",
        "b/**",
        "**/a.bin",
        "b/",
        "*",
        '"a b.bin"',
        '"q\\"q"',
        '"\\303\\251.bin"',
        '"a',
        "!a",
        "#a",
        "\\#a",
        "[attr]big",
        "[attr]m",
        "[attr]m",
        "[attr]binary",
        "b/**/*",
        "*.[bj]*",
        '"\\x"',
        "\\!a",
    ]
)
states = st.sampled_from(
    [
        "filter=lfs",
        "-filter",
        "!filter",
        "filter",
        "filter=other",
        "text",
        "binary",
        "-big",
        "big",
        "!m",
        "m",
        "m=1",
        "-text",
        "--x",
        "=",
        "filter=",
        "-filter=lfs",
        "a=b=c",
    ]
)
lines = st.tuples(patterns, st.lists(states, max_size=3)).map(lambda line: " ".join([line[0], *line[1]]))


def asked_of_git(git: Git, folder: Path, text: str) -> dict[str, bool | None]:
    (folder / ".gitattributes").write_bytes(text.encode())
    answer = git("check-attr", "-z", "--stdin", "filter", given="".join(f"{path}\0" for path in PATHS).encode())
    fields = answer.decode().split("\0")
    return {path: VALUES.get(value, False) for path, _, value in zip(*[iter(fields)] * 3, strict=False)}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, min_size=1, max_size=6).map("\n".join))
@example(DEFAULT_MODEL)
@example(DEFAULT_DATASET)
@example("[attr]big filter=lfs -text\n*.bin big\na.bin -big\n")
@example("[attr]big m\n[attr]m big filter=lfs\n* big\n")
@example("*.bin filter=lfs\r\n*.md text\r\n")
@example("  *.bin\tfilter=lfs  diff=lfs\n*.bin -text !filter\n")
@example("\ufeff*.bin filter=lfs")
def test_the_same_files_go_to_lfs_as_by_git(git: Git, bare: Path, text: str) -> None:
    rules = Attributes.parse(text)
    assert {path: rules.is_lfs(RepoPath(path)) for path in PATHS} == asked_of_git(git, bare, text)


@pytest.mark.parametrize(
    ("text", "name", "model", "dataset"),
    [
        ("weights", "sub/model.safetensors", True, True),
        ("nested saved model", "saved_model/a/variables.data", True, True),
        ("archive", "x.tar.gz", True, True),
        ("text", "config.json", None, None),
        ("audio", "clips/a.flac", None, True),
        ("image", "a.jpeg", None, True),
    ],
)
def test_new_repositories_know_what_is_large(text: str, name: str, model: bool | None, dataset: bool | None) -> None:
    assert Attributes.parse(DEFAULT_MODEL).is_lfs(RepoPath(name)) is model, text
    assert Attributes.parse(DEFAULT_SPACE).is_lfs(RepoPath(name)) is model, text
    assert Attributes.parse(DEFAULT_DATASET).is_lfs(RepoPath(name)) is dataset, text


def test_default_lines_have_the_form_git_lfs_track_writes() -> None:
    assert set(DEFAULT_MODEL.splitlines()) >= {"*.bin filter=lfs diff=lfs merge=lfs -text"}
    assert all(line.endswith(" filter=lfs diff=lfs merge=lfs -text") for line in DEFAULT_DATASET.splitlines())


def test_rules_beyond_the_limit_are_left_out() -> None:
    many = "".join(f"file-{number} filter=lfs\n" for number in range(2_001))
    assert Attributes.parse(many).is_lfs(RepoPath("file-1999")) is True
    assert Attributes.parse(many).is_lfs(RepoPath("file-2000")) is None


def test_a_long_chain_of_macros_ends() -> None:
    chain = "".join(f"[attr]m{number} m{number + 1}\n" for number in range(1_500))
    assert Attributes.parse(f"{chain}[attr]m1500 filter=lfs\na m0\n").is_lfs(RepoPath("a")) is True


@given(st.text(max_size=100), st.text(min_size=1, max_size=20))
def test_arbitrary_text_raises_nothing(text: str, path: str) -> None:
    assert Attributes.parse(text).is_lfs(RepoPath(path)) in (True, False, None)
