import ntpath
import os
import posixpath
import subprocess
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entrepot.errors import InvalidPath
from entrepot.names.paths import ROOT, check_extent, name_fault, parse_folder, parse_path, parse_stored_path, quote_path
from tests.support.work import count_lines

GOOD = [
    "README.md",
    "a/b/c.bin",
    ".gitattributes",
    ".gitignore",
    ".github/workflows/x.yml",
    "a.git",
    "git",
    "git~2",
    "..a",
    "a..",
    "...",
    "a b/ c",
    "été/日本語.txt",
    "a\\b",
    "xy:z.txt/c",
    "data:v1",
    "%2e%2e/x",
    "~/x",
    "-rf",
    "a/C:",
    "x" * 255,
    "/".join("d" * 128),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_good_path_is_kept_as_written(text: str) -> None:
    assert parse_path(text) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty"),
        ("/", "absolute"),
        ("/etc/passwd", "absolute"),
        ("//host/share", "absolute"),
        ("\\x", "absolute"),
        ("\\\\host\\share", "absolute"),
        ("C:/x", "'C:', a drive on Windows"),
        ("c:\\x", "'c:', a drive on Windows"),
        ("C:x", "'C:', a drive on Windows"),
        ("C:", "'C:', a drive on Windows"),
        ("a/", "empty segment"),
        ("a//b", "empty segment"),
        (".", "segment"),
        ("..", "segment"),
        ("../x", "segment"),
        ("a/../../x", "segment"),
        ("a/./b", "segment"),
        ("a/..", "segment"),
        ("..\\x", "Windows"),
        ("a\\..\\..\\x", "Windows"),
        ("a/b\\..", "Windows"),
        (".\\x", "Windows"),
        (".. /x", "Windows"),
        ("a\\.. \\x", "Windows"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("a\rb", "control character"),
        ("a\tb", "control character"),
        ("a\x1bb", "control character"),
        ("a\x7f", "control character"),
        ("\ud800", "not valid Unicode"),
        ("a/\udfff/b", "not valid Unicode"),
        ("x" * 256, "segment longer than 255"),
        ("é" * 128, "segment longer than 255"),
        ("/".join("d" * 129), "deeper than 128"),
        ("/".join("d" * 1000), "deeper than 128"),
        ("x" * 1_000_000, "longer than 4,096"),
        ("a/" * 500_000, "longer than 4,096"),
        ("é/" * 2000, "longer than 4,096"),
    ],
)
def test_a_bad_path_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(InvalidPath, match=rule) as refusal:
        parse_path(text)
    assert len(refusal.value.path) <= 4096


@pytest.mark.parametrize("place", ["{}", "{}/config", "a/{}", "a/{}/b", "a\\{}", "{}\\hooks"])
@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT",
        ".Git",
        "git~1",
        "GIT~1",
        ".git.",
        ".git ",
        ".git . .",
        ".git::$INDEX_ALLOCATION",
        ".git:x",
        "git~1 .:x",
        ".g\u200cit",
        "\ufeff.git",
        ".gi\u202et",
        ".git\u206f",
    ],
)
def test_a_git_folder_is_refused_in_every_disguise(place: str, name: str) -> None:
    with pytest.raises(InvalidPath, match=r"'\.git' segment"):
        parse_path(place.format(name))


def test_a_path_of_a_megabyte_is_refused_before_it_is_taken_apart() -> None:
    path = "../" * 350_000
    tracemalloc.start()
    try:
        with pytest.raises(InvalidPath) as refusal:
            count_lines(lambda: parse_path(path), most=1_000)
        assert tracemalloc.get_traced_memory()[1] < len(path)
    finally:
        tracemalloc.stop()
    assert len(str(refusal.value)) < 300


segments = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "..",
        "...",
        ".git",
        "git~1",
        "C:",
        "",
        " ",
        ".. ",
        "\\",
        "..\\",
        "é",
        "\u200c",
        "\0",
        "x:y",
        "\ud800",
    ]
)
paths = st.lists(segments, max_size=6).flatmap(
    lambda parts: st.sampled_from(["/", "\\", ""]).map(lambda separator: separator.join(parts))
)


@given(paths | st.text(max_size=30))
@example("a\\..\\..\\b")
@example("C:b")
def test_no_good_path_leaves_its_folder_on_any_system(text: str) -> None:
    try:
        path = parse_path(text)
    except InvalidPath:
        return
    assert path == text
    assert parse_path(path) == path
    path.encode("utf-8")
    assert posixpath.normpath(posixpath.join("/root/repo", path)).startswith("/root/repo/")
    assert ntpath.normpath(ntpath.join("D:\\root\\repo", path)).startswith("D:\\root\\repo\\")
    assert not ntpath.splitdrive(path)[0]


def test_git_itself_stores_every_good_path(tmp_path: object) -> None:
    """``git update-index`` with the protections for macOS accepts every path that the parser accepts."""
    folder = str(tmp_path)
    git = ["git", "-C", folder, "-c", "core.protectHFS=true", "-c", "core.quotePath=false"]
    subprocess.run(["git", "init", "-q", folder], check=True)
    entries = "".join(f"100644 {'1' * 40} 0\t{path}\0" for path in GOOD if path != "a\\b").encode()
    subprocess.run([*git, "update-index", "-z", "--index-info"], input=entries, check=True)
    stored = subprocess.run([*git, "ls-files", "-z"], capture_output=True, check=True).stdout.decode().split("\0")
    assert set(GOOD) - {"a\\b"} <= set(stored)


@pytest.mark.parametrize(("text", "folder"), [("", ROOT), ("/", ROOT), ("a", "a"), ("a/", "a"), ("a/b/", "a/b")])
def test_a_folder_may_be_the_root_or_end_in_a_slash(text: str, folder: str) -> None:
    assert parse_folder(text) == folder


@pytest.mark.parametrize("text", ["//", "a//", "/a", "..", "../", ".git/", "\0"])
def test_a_bad_folder_is_refused(text: str) -> None:
    with pytest.raises(InvalidPath):
        parse_folder(text)


def test_the_extent_of_a_path_is_bounded_for_all_names() -> None:
    check_extent("/".join(["\udcff\n"] * 128))
    with pytest.raises(InvalidPath, match="deeper than 128 levels"):
        check_extent("/".join("d" * 129))
    with pytest.raises(InvalidPath, match="longer than 4,096 bytes"):
        check_extent("é" * 2049)


BAD = ["a\tb", "new\nline", "Icon\r", "caf\udce9.txt", "n" * 300, "..\\x", ".git", "..", "\x7f"]


@pytest.mark.parametrize("name", BAD)
def test_names_from_trees_are_judged_by_the_same_rules(name: str) -> None:
    assert name_fault(name, is_top=True) is not None
    assert name_fault(name, is_top=False) is not None


@pytest.mark.parametrize("name", ["a.txt", "a b", "\u00e9", ".gitattributes", "x:y", "a\\b", "-", "~", "{}"])
def test_good_names_have_no_fault(name: str) -> None:
    assert name_fault(name, is_top=False) is None
    parse_path(f"d/{name}")


def test_a_drive_is_a_fault_in_the_root_folder_only() -> None:
    assert name_fault("a:b", is_top=True) is not None
    assert name_fault("a:b", is_top=False) is None


@given(st.text(min_size=1, max_size=12).filter(lambda text: "/" not in text))
@example("a..b")
@example("a ")
@example(".git ")
@example("GIT~1")
def test_the_short_cut_for_ordinary_names_agrees_with_the_rules(name: str) -> None:
    for is_top, path in ((True, name), (False, f"d/{name}")):
        try:
            parse_path(path)
        except InvalidPath:
            assert name_fault(name, is_top=is_top) is not None
        else:
            assert name_fault(name, is_top=is_top) is None


@pytest.mark.parametrize("path", ["Icon\r", "caf\udce9.txt", "d/a\tb", "new\nline", "a:b", "\\x"])
def test_stored_paths_can_be_named_as_they_are_and_as_git_spells_them(path: str) -> None:
    assert parse_stored_path(path) == path
    assert parse_stored_path(quote_path(path)) == path


def test_a_good_name_in_quotes_stays_what_it_is() -> None:
    assert parse_stored_path('"a.txt"') == '"a.txt"'
    assert parse_stored_path('"caf\\303\\251"') == '"caf\\303\\251"'  # a quoted form of a valid name is a name itself
    for path in ("", "a//b", "nul\0", "\ud800", "x" * 5_000):
        with pytest.raises(InvalidPath):
            parse_stored_path(path)


def test_paths_are_spelled_as_git_prints_them(tmp_path: object) -> None:
    folder = str(tmp_path)
    subprocess.run(["git", "init", "-q", folder], check=True)
    for path in ("plain name.txt", "tab\t", "cr\r", "caf\udce9", "\u6a21", 'q"b\\s', "bell\a\b\v\f\x01"):
        with open(os.path.join(folder, path), "wb"):
            pass
        told = subprocess.run(["git", "ls-files", "-o"], cwd=folder, check=True, capture_output=True).stdout
        assert told.decode("ascii").rstrip("\n") == quote_path(path)
        os.remove(os.path.join(folder, path))
