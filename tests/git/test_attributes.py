from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from entrepot.git import (
    DEFAULT_DATASET,
    DEFAULT_MODEL,
    DEFAULT_SPACE,
    Attributes,
    merge_lfs_rules,
    render_lfs_rule,
)
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
    many = "".join(f"*.suffix{number} filter=lfs\n" for number in range(2_001))
    assert Attributes.parse(many).is_lfs(RepoPath("a.suffix1999")) is True
    assert Attributes.parse(many).is_lfs(RepoPath("a.suffix2000")) is None


def test_thousands_of_rules_for_single_paths_count() -> None:
    rules = Attributes.parse("".join(f"d/file-{number} filter=lfs\n" for number in range(10_000)))
    assert rules.is_lfs(RepoPath("d/file-9999")) is True
    assert rules.is_lfs(RepoPath("d/file-10000")) is None


def test_the_last_line_wins_between_a_path_a_name_and_a_wildcard() -> None:
    def decide(*lines: str) -> bool | None:
        return Attributes.parse("\n".join(lines)).is_lfs(RepoPath("d/a.x"))

    assert decide("d/a.x filter=lfs", "*.x -filter") is False
    assert decide("*.x -filter", "a.x filter=lfs") is True
    assert decide("a.x filter=lfs", "d/a.x -filter", "*.y filter=lfs") is False
    assert decide("d/a.x -filter", "a.x filter=lfs", "d/* text") is True


NAMES = [
    *["m.gguf", "with space.bin", "a\tb", "#hash", "!bang", "[attr]x", "star*.bin", "q?", "br[a]cket", "back\\slash"],
    *['"quoted"', 'in"side', "ümlaut", "模型", " lead", "trail ", "d/[x] *?.bin", "d/#a", "d/!b", "-dash", '" '],
]


@pytest.mark.parametrize("is_anchored", [False, True])
def test_git_reads_the_rendered_rule_as_exactly_this_path(git: Git, bare: Path, is_anchored: bool) -> None:
    for name in NAMES:
        rule = render_lfs_rule(RepoPath(name), is_anchored=is_anchored)
        assert rule is not None
        (bare / ".gitattributes").write_text(rule + "\n", encoding="utf-8", newline="")
        told = git("check-attr", "-z", "filter", "diff", "merge", "text", "--", name).split(b"\0")[2::3]
        assert told == [b"lfs", b"lfs", b"lfs", b"unset"], name
        for other in {"other", f"x{name}", f"{name}x", "star1.bin", "qa", "bra"} - {name}:
            assert git("check-attr", "-z", "filter", "--", other).split(b"\0")[2] == b"unspecified", (name, other)
        assert Attributes.parse(rule).is_lfs(RepoPath(name)) is True
        if is_anchored:
            assert git("check-attr", "-z", "filter", "--", f"sub/{name}").split(b"\0")[2] == b"unspecified"


def test_a_rule_that_git_would_ignore_for_its_length_is_not_written() -> None:
    assert render_lfs_rule(RepoPath("d/" + "x" * 1_900)) is not None
    assert render_lfs_rule(RepoPath("d/" + "x" * 2_020)) is None


def test_rules_that_both_sides_appended_are_merged_and_nothing_else() -> None:
    lfs = b" filter=lfs diff=lfs merge=lfs -text\n"
    base, ours, theirs = b"*.bin text", b"*.bin text\na" + lfs, b"*.bin text\na" + lfs + b"b" + lfs
    assert merge_lfs_rules(base, ours, theirs) == b"*.bin text\na" + lfs + b"b" + lfs
    assert merge_lfs_rules(b"", b"a" + lfs, b"b" + lfs) == b"a" + lfs + b"b" + lfs
    assert merge_lfs_rules(base, ours, b"*.bin -text\n") is None
    assert merge_lfs_rules(base, ours, b"*.bin text\n*.c -filter\n") is None
    assert merge_lfs_rules(base, ours, b"*.bin text") is None


def test_a_long_chain_of_macros_ends() -> None:
    chain = "".join(f"[attr]m{number} m{number + 1}\n" for number in range(1_500))
    assert Attributes.parse(f"{chain}[attr]m1500 filter=lfs\na m0\n").is_lfs(RepoPath("a")) is True


@given(st.text(max_size=100), st.text(min_size=1, max_size=20))
def test_arbitrary_text_raises_nothing(text: str, path: str) -> None:
    assert Attributes.parse(text).is_lfs(RepoPath(path)) in (True, False, None)
