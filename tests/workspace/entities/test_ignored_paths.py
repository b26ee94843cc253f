import pytest

from entrepot.workspace.entities.ignored_paths import parse_ignored


@pytest.mark.parametrize(
    ("pattern", "path", "is_ignored"),
    [
        ("*.tmp", "data/a.tmp", True),
        ("*.tmp", "data/a.tmp2", False),
        ("data/raw/", "data/raw/x/y", True),
        ("raw/", "data/raw/x", True),
        ("raw/", "data/raw", False),
        ("data/a?", "data/ab", True),
        ("# data/a", "data/a", False),
        ("", "data/a", False),
        (".DS_Store", "data/x/.DS_Store", True),
    ],
)
def test_patterns(pattern: str, path: str, is_ignored: bool) -> None:
    assert parse_ignored(f"{pattern}\n")(path) is is_ignored
