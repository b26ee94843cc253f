import pytest

from entrepot.client.patterns import select

PATHS = ["a.txt", "b.bin", "data/c.txt", "data/deep/d.bin", "Data/e.txt"]


@pytest.mark.parametrize(
    ("allow", "ignore", "kept"),
    [
        (None, None, PATHS),
        ("*.txt", None, ["a.txt", "data/c.txt", "Data/e.txt"]),
        (["*.txt", "*.bin"], None, PATHS),
        ("data/", None, ["data/c.txt", "data/deep/d.bin"]),
        ("data\\*.txt", None, ["data/c.txt"]),
        (None, ["data/*", "a.*"], ["b.bin", "Data/e.txt"]),
        ("*.txt", "data/*", ["a.txt", "Data/e.txt"]),
        ([], None, []),
        (None, [], PATHS),
        ("[ab].*", None, ["a.txt", "b.bin"]),
        ("?.txt", None, ["a.txt"]),
    ],
)
def test_wildcards_select_paths(allow: list[str] | str | None, ignore: list[str] | str | None, kept: list[str]) -> None:
    assert [path for path in PATHS if select(allow, ignore).has(path)] == kept


def test_backslashes_in_patterns_are_treated_as_slashes() -> None:
    assert select("data/*").has("data\\c.txt")


def test_upper_and_lower_case_differ() -> None:
    assert not select("*.TXT").has("a.txt")
