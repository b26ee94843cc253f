"""Names use the terms of the field, flat packages stay small, and a class name has one meaning."""

import ast
import collections
import functools
import pathlib
import re
from collections.abc import Iterable, Iterator

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / "src/entrepot"

MAX_MODULES = 25

BANNED = {
    "house": "the state of an application is AppState, that of a hub HubContext",
    "door": "HTTP requests are served by routes and handlers",
    "errand": "what a request asks for is a request, what runs is a command or a use case",
    "talk": "a discussion is a discussion",
    "happening": "what happens in a discussion is an event",
    "parcel": "many files in one request are a bulk upload or a bulk download",
    "sight": "what a caller may see is visibility",
    "courier": "webhooks are delivered",
    "shelf": "files are downloaded to a target",
    "tally": "cached sums are a cache",
    "judgement": "checks of a push are a policy",
    "deed": "what an account did is its activity",
    "wing": "the two sides are the client and the server",
    "cellar": "stores are stores",
}
"""Words that a name must not contain, and what to say instead."""

BANNED_IN_CONSTANTS = {"most": "the constant of an upper limit begins with MAX"}
"""Words that the name of a constant must not contain; ``most`` is a parameter of many functions."""

TWICE = {
    "AccessRequest", "Collection", "CollectionItem", "Content", "Copy", "Delete", "DeleteFolder", "Deletions",
    "Discussion", "DiscussionEvent", "ErrorResponse", "Fetch", "FetchRange",
    "RepoInfo", "RepoUrl", "User", "WatchedSubject", "WebhookInfo",
    "AlreadyExists", "Commit", "InvalidPath", "LimitExceeded", "NotFound", "Tag",  # of Asset Hub
}  # fmt: skip
"""Class names that stand for the same thing in two layers, such as a value and its JSON or its public twin."""


@functools.cache
def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case, singular: ``_take_Turns2`` gives take, turn."""
    return [word.lower().removesuffix("s") for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def definitions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of every class, function and parameter of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def banned(source: str, path: str) -> list[str]:
    """Return what is wrong with the names of one module."""
    named = [(1, part) for part in pathlib.PurePosixPath(path).with_suffix("").parts]
    named += definitions(ast.parse(source))
    return [
        f"{path}:{line} {name}: {BANNED[word]}" for line, name in named for word in words_of(name) if word in BANNED
    ]


def banned_constants(source: str, path: str) -> list[str]:
    """Return what is wrong with the names of the constants of one module."""
    named = [
        (node.lineno, node.id)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.isupper()
    ]
    return [
        f"{path}:{line} {name}: {BANNED_IN_CONSTANTS[word]}"
        for line, name in named
        for word in words_of(name)
        if word in BANNED_IN_CONSTANTS
    ]


def crowded(modules: Iterable[str]) -> dict[str, int]:
    """Return the packages with more modules than one folder may hold."""
    counts = collections.Counter(pathlib.PurePosixPath(path).parent.as_posix() for path in modules)
    return {package: count for package, count in counts.items() if count > MAX_MODULES}


def doubled(sources: dict[str, str]) -> dict[str, list[str]]:
    """Return public classes of one name in several modules."""
    homes = collections.defaultdict(list)
    for path, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(path)
    return {name: paths for name, paths in homes.items() if len(paths) > 1}


SOURCES = {
    file.relative_to(PACKAGE).as_posix(): file.read_text(encoding="utf-8")
    for file in sorted(PACKAGE.rglob("*.py"))
    if "migrations" not in file.parts
}


OTHERS = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for folder in ("tests", "benchmarks", "integrations")
    for file in sorted((ROOT / folder).rglob("*.py"))
}
"""Tests, benchmarks and further distributions, whose names follow the same words."""


def test_no_name_has_a_banned_word() -> None:
    assert [line for path, source in (SOURCES | OTHERS).items() for line in banned(source, path)] == []


def test_a_banned_word_is_found_in_every_kind_of_name() -> None:
    source = "class FrontDoor:\n    def take(self, errands): ...\n"
    assert [line.partition(":")[0] for line in banned(source, "hub/talks.py")] == ["hub/talks.py"] * 3


def test_limits_are_named_alike() -> None:
    assert [line for path, source in SOURCES.items() for line in banned_constants(source, path)] == []


def test_a_banned_constant_is_found_in_every_kind_of_assignment() -> None:
    source = "MOST = 1\n_PAGE, _MOST_FILES = 1, 2\nMOST_S: float = 3.0\nmost = 4\n"
    assert sorted(line.partition(" ")[0] for line in banned_constants(source, "m.py")) == ["m.py:1", "m.py:2", "m.py:3"]


def test_no_package_is_crowded() -> None:
    assert crowded(path for path in SOURCES if not path.endswith("__init__.py")) == {}
    assert crowded([f"hub/m{number}.py" for number in range(MAX_MODULES + 1)]) == {"hub": MAX_MODULES + 1}


def test_a_class_name_has_one_meaning() -> None:
    assert set(doubled(SOURCES)) == TWICE
    assert doubled({"a.py": "class Page: ...", "b.py": "class Page: ..."}) == {"Page": ["a.py", "b.py"]}
