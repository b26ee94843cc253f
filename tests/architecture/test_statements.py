"""What the documents name exists: files, sections, commands with their flags, settings, routes and modules."""

from __future__ import annotations

import importlib
import pathlib
import re
import shlex
from collections.abc import Iterator, Mapping

import click
import pytest

from entrepot.cli.asset_hub import ah
from entrepot.cli.main import cli
from entrepot.cli.workspace.commands import ws
from entrepot.settings import SETTINGS

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / "src/entrepot"
MAX_LINES = 200
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "benchmarks/README.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "deploy").rglob("*.md")),
        *sorted((ROOT / "integrations").rglob("*.md")),
    )
}
PROGRAMS: Mapping[str, click.Command] = {"entrepot": cli, "ah": ah, "ml-git": ws}

FENCED = re.compile(r"^```(?:sh|bash|console)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`((?:entrepot|ah|ml-git) [^`\n]+)`")
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)")
FILE = re.compile(r"`((?:src|tests|docs|script|deploy|benchmarks|integrations)/[\w./-]+)`")
MODULE = re.compile(r"`([a-z_]+(?:/[a-z_]+)*(?:/|/[a-z_]+\.(?:py|md)))`")
"""A module or a folder of the package, or a page: ``hub/context.py``, ``server/pages/``, ``docs/rights.md``."""
DOTTED = re.compile(r"\bentrepot((?:\.[a-z]\w*)+(?:\.[A-Z]\w*)?)(?=[`(: ])")
ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE|HEAD) (/api/[^`\s?]*)")
NOT_OFFERED = "Clients also know these, which the hub does not offer:"
TYPES = re.compile(r"(?<=^/api/)\{(?:T|[a-z]+(?:[|,\\]+[a-z]+)+)\}")


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    texts = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def broken_links(path: str, text: str) -> list[str]:
    """Return the links of a page to files and headings that do not exist."""
    found = []
    for name, anchor in LINK.findall(text):
        target = (ROOT / path).parent / name if name else ROOT / path
        if not target.exists():
            found.append(f"{path} links to {name}")
        elif anchor and anchor not in anchors(text if not name else target.read_text(encoding="utf-8")):
            found.append(f"{path} links to the section {anchor} of {name or 'itself'}")
    return found


def missing_files(path: str, text: str) -> list[str]:
    """Return the files and modules that a page names and that do not exist."""
    named = [name for name in FILE.findall(text) if "x.py" not in name]
    if path in {"ARCHITECTURE.md", "CONTRIBUTING.md"}:
        named += [
            name for name in MODULE.findall(text) if name not in {"blobs/incoming/", *named} and "x.py" not in name
        ]
    return [f"{path} names {name}" for name in named if not any((at / name).exists() for at in (ROOT, PACKAGE))]


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words of every command of ours in the examples and the text of a page."""
    lines = [line for block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    for line in (*lines, *QUOTED.findall(text)):
        plain = re.sub(r"^[$>] ", "", line.strip())
        try:
            words = shlex.split(plain, comments=True)
        except ValueError:  # the middle of a longer shell string
            continue
        while words and ("=" in words[0] or words[0] in {"sudo", "then", "&&", "exec", "time"}):
            words.pop(0)
        if words and words[0].rpartition("/")[2] in PROGRAMS:
            yield [words[0].rpartition("/")[2], *words[1:]]


def wrong_words(words: list[str]) -> str | None:
    """Return the first word of a command line that is no command or flag of the program; None if all are."""
    command: click.Command = PROGRAMS[words[0]]
    context = click.Context(command)
    for word in words[1:]:
        if word in {"|", ">", ">>", "&&", ";", "&", "||", "<", "--"}:
            return None
        if word.startswith("--"):
            flag = word.partition("=")[0].rstrip(",;")
            flags = {name for it in command.get_params(context) for name in (*it.opts, *it.secondary_opts)}
            if flag not in flags:
                return word
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z][a-z-]*", word):
            found = command.get_command(context, word)
            if found is None:
                return word
            command, context = found, click.Context(found, parent=context)
        elif isinstance(command, click.Group):  # a placeholder: `entrepot admin …`
            return None
    return None


def wrong_commands(path: str, text: str) -> list[str]:
    """Return the command lines of a page that name a command or a flag which does not exist."""
    found = ((words, wrong_words(words)) for words in command_lines(text))
    return [f"{path}: {' '.join(words)}: {word}" for words, word in found if word is not None]


def missing_names(path: str, text: str) -> list[str]:
    """Return the Python names below ``entrepot`` that a page uses and that do not exist."""
    return [f"{path} names entrepot{dotted}" for dotted in DOTTED.findall(text) if not exists(f"entrepot{dotted}")]


def exists(dotted: str) -> bool:
    """Return whether a module, or a name in one, exists."""
    if dotted.rpartition(".")[2] in {"toml", "conf", "service", "env", "token", "yaml", "json", "contents", "files"}:
        return True  # file names and media types, such as ``entrepot.toml``
    module, _, rest = dotted, "", ""
    names: list[str] = []
    while module:
        try:
            found: object = importlib.import_module(module)
        except ImportError:
            module, _, rest = module.rpartition(".")
            names.insert(0, rest)
            continue
        for name in names:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


def route_patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Return methods and paths of all routes, which ``docs/rights.md`` lists; the patterns accept placeholders."""
    found = []
    for methods, path in re.findall(r"^\| ([A-Z,]+) \| `([^`]+)` \|", PAGES["docs/rights.md"], re.MULTILINE):
        typed = re.escape(path).replace(r"\{T\}", "(?:models|datasets|spaces|buckets)")
        pattern = re.sub(r"\\\{\w+:path\\\}", ".+", typed)
        anything = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern))
        found += [(method, anything) for method in methods.split(",")]
    return found


def missing_routes(path: str, text: str, known: list[tuple[str, re.Pattern[str]]]) -> list[str]:
    """Return the routes of the API that a page names and that are not served."""
    return [
        f"{path} names {method} {route}"
        for method, route in ROUTE.findall(text)
        if not any(method == of and pattern.fullmatch(example(route)) for of, pattern in known)
    ]


def example(route: str) -> str:
    """Return a path that a documented route stands for: a model, and nothing of what is optional."""
    typed = re.sub(r"\[.*", "", TYPES.sub("models", route))
    return re.sub(r"(?<=^/api/models/)\{id\}|(?<=^/api/datasets/)\{id\}", "{namespace}/{name}", typed)


@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_names_exists(path: str) -> None:
    text = PAGES[path]
    assert [*broken_links(path, text), *missing_files(path, text), *missing_names(path, text)] == []
    assert wrong_commands(path, text) == []


def test_routes_in_the_documentation_are_served() -> None:
    known = route_patterns()
    assert [
        it for path, text in PAGES.items() if "protocols" not in path for it in missing_routes(path, text, known)
    ] == []


def offered_routes(text: str, known: list[tuple[str, re.Pattern[str]]]) -> list[str]:
    """Return the routes that a page says are not offered, and that are."""
    served = [(method, pattern) for method, pattern in known if pattern.pattern.startswith("/api/")]
    _, _, rest = text.partition(NOT_OFFERED)
    table = rest.strip().partition("\n\n")[0]
    return [
        f"{method} {route}"
        for method, route in ROUTE.findall(table)
        if any(method == of and pattern.fullmatch(example(route)) for of, pattern in served)
    ]


def test_routes_that_are_not_offered_are_not_served() -> None:
    known = route_patterns()
    assert offered_routes(PAGES["docs/protocols/hf_api.md"], known) == []
    planted = f"{NOT_OFFERED}\n\n| `GET /api/{{T}}/{{id}}/scan` | x |\n| `GET /api/jwt` |\n\n`GET /api/whoami-v2`"
    assert offered_routes(planted, known) == ["GET /api/{T}/{id}/scan"]


def test_variables_in_the_documentation_are_settings() -> None:
    settings = {row.name.upper() for row in SETTINGS}
    read = re.compile(r"ENTREPOT_([A-Z_]+)")
    code = {name for path in (ROOT / "src").rglob("*.py") for name in read.findall(path.read_text(encoding="utf-8"))}
    code |= {name for path in (ROOT / "integrations").rglob("*.py") for name in read.findall(path.read_text("utf-8"))}
    named = {(path, name) for path, text in PAGES.items() for name in read.findall(text)}
    assert {(path, name) for path, name in named if name not in settings | code} == set()


def test_the_architecture_fits_on_a_page() -> None:
    assert len(PAGES["ARCHITECTURE.md"].splitlines()) <= MAX_LINES


def test_what_does_not_exist_is_found() -> None:
    links = "[a](../gone.md) [b](cli.md#no-such-part) [c](#here)\n# Here\n"
    assert broken_links("docs/git.md", links) == [
        "docs/git.md links to ../gone.md",
        "docs/git.md links to the section no-such-part of cli.md",
    ]
    assert missing_files("ARCHITECTURE.md", "`hub/access.py` `hub/gone.py` `tests/gone` `docs/cli.md`") == [
        "ARCHITECTURE.md names tests/gone",
        "ARCHITECTURE.md names hub/gone.py",
    ]
    assert missing_names("x", "`entrepot.testing.hub()` `entrepot.testing.gone()` `entrepot.gone` `entrepot.toml`") == [
        "x names entrepot.testing.gone",
        "x names entrepot.gone",
    ]
    commands = (
        "`entrepot admin users creat bob` `ah lss`\n```sh\nA=1 entrepot upload a/b \\\n  --frob | cat --gone\n```\n"
    )
    assert wrong_commands("x", commands) == [
        "x: entrepot upload a/b --frob | cat --gone: --frob",
        "x: entrepot admin users creat bob: creat",
        "x: ah lss: lss",
    ]
    routes = "`GET /api/{T}/{id}/refs` `GET /api/{T}/{id}/gone` `POST /api/whoami-v2`"
    assert missing_routes("x", routes, route_patterns()) == [
        "x names GET /api/{T}/{id}/gone",
        "x names POST /api/whoami-v2",
    ]
