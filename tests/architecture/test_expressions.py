"""Regular expressions that search a text take linear time.

``search``, ``finditer``, ``findall``, ``split`` and ``sub`` try an expression at every position. If it can begin
anywhere, reads on over other beginnings, and then fails, each beginning reads the rest again: the time grows with the
square of the text. Texts and names are sent by anyone, so such an expression is a way to stop a thread.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from re import _constants as ops
from re import _parser as parser
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "src"
ENDLESS = (ops.MAX_REPEAT, ops.MIN_REPEAT)
ASCII = frozenset(map(chr, range(128)))
CATEGORIES = {
    getattr(ops, f"CATEGORY_{'NOT_' if sign.isupper() else ''}{name}"): re.compile(rf"\{sign}")
    for name, signs in {"DIGIT": "dD", "SPACE": "sS", "WORD": "wW"}.items()
    for sign in signs
}
ANCHORED = {"match", "fullmatch"}
SEARCHING = {"search", "finditer", "findall", "split", "sub", "subn"}
_SANITISED = "HTML that the sanitiser has written: every '<' begins an element and has its '>'"
SHORT = {
    "entrepot.blobs.s3.answers._SENT": "a message of the library for S3, about the address in the settings",
    "entrepot.cards.card_metrics._PERCENT": "at most 100 characters",
    "entrepot.cards.summaries._BLOCK": "every later line that begins with the mark ends the block",
    "entrepot.catalog.dialects.postgres_statements._PLACE": "a statement of the catalog, not a value",
    r"entrepot.metaflow.lineages: '\\n\\s*\\n'": "blanks with a line break in them always match",
    "entrepot.server.pages.card_html._TEXT": _SANITISED,
    "entrepot.server.pages.repositories.outlines._HEADING": "the sanitiser closes headings, and the first end ends all",
    "entrepot.server.pages.repositories.outlines._TAG": _SANITISED,
    "entrepot.server.rendering.footnotes._LINK": _SANITISED,
}
"""Expressions that the rule does not allow, with the reason why they cannot take long."""


def searched() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Return the expressions that search: constants, and those with a name in a module that are not only matched."""
    for path in sorted(SOURCE.rglob("*.py")):
        source = path.read_text()
        if "import re\n" not in source:
            continue
        tree = ast.parse(source)
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(tree):
            match node:
                case ast.Call(ast.Attribute(ast.Name("re"), method), [ast.Constant(text), *_]) if method in SEARCHING:
                    yield f"{module}: {text!r}", re.compile(text)
        names = {
            node.targets[0].id
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        anchored = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ANCHORED
        }
        used = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in anchored
        }
        values = vars(import_module(module))
        for name in sorted(names & used):
            if isinstance(values[name], re.Pattern):
                yield f"{module}.{name}", values[name]


def rereads(pattern: re.Pattern[Any]) -> bool:
    """Return whether many beginnings of an expression may each read the same text without finding its end."""
    parsed = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    return any(_rereads(way, pattern.flags) for way in _ways(list(parsed)))


def _ways(items: Sequence[Any]) -> Iterator[list[Any]]:
    """Return the sequences of an expression, with its groups, alternatives and optional parts resolved."""
    for at, (op, value) in enumerate(items):
        before, after = list(items[:at]), list(items[at + 1 :])
        if op is ops.SUBPATTERN:
            yield from _ways([*before, *value[3], *after])
            return
        if op is ops.BRANCH:
            ends = [branch for branch in value[1] if list(branch) == [(ops.AT, ops.AT_END_STRING)]]
            for branch in ends or value[1]:  # one that ends with the text always matches
                yield from _ways([*before, *branch, *after])
            return
        if op in ENDLESS and value[1] is not ops.MAXREPEAT and value[0] == 0:
            yield from _ways([*before, *value[2], *after])
            yield from _ways([*before, *after])
            return
    yield list(items)


def _rereads(way: Sequence[Any], flags: int) -> bool:
    is_by_line = bool(flags & re.MULTILINE)
    for at, (op, value) in enumerate(way):
        if op is ops.AT and (value is ops.AT_BEGINNING_STRING or (value is ops.AT_BEGINNING and not is_by_line)):
            return False
        if op not in ENDLESS or value[1] is not ops.MAXREPEAT:
            continue
        inside, rest = list(value[2]), list(way[at + 1 :])
        here = _accepted(inside[0], flags)
        if _always_ends(rest, is_all=here == ASCII):
            return False
        if len(inside) == 1 and _begins_within(way[:at], here, flags):
            return True
    return False


def _begins_within(before: Sequence[Any], here: frozenset[str], flags: int) -> bool:
    """Return whether all that comes before a repeat may stand within what the repeat accepts."""
    if before and before[0] == (ops.AT, ops.AT_BEGINNING):
        return "\n" in here and _begins_within(before[1:], here, flags)
    if before and before[0][0] in (ops.AT, ops.ASSERT, ops.ASSERT_NOT):
        return False  # a boundary or what comes before: judged by reading
    fixed = [item for item in before if item[0] not in ENDLESS or item[1][0] > 0]
    return all(here & _accepted(item, flags) for item in fixed)


def _always_ends(rest: Sequence[Any], *, is_all: bool) -> bool:
    """Return whether what follows an endless repeat matches anywhere; at the end of the text, if that accepts all."""
    if not rest:
        return True
    op, value = rest[0]
    if op is ops.AT:
        return is_all and value is ops.AT_END_STRING and len(rest) == 1
    return op in (*ENDLESS, ops.POSSESSIVE_REPEAT) and value[0] == 0 and _always_ends(rest[1:], is_all=is_all)


def _accepted(item: Any, flags: int) -> frozenset[str]:
    """Return the ASCII characters that an item for one character accepts."""
    op, value = item
    if op in (*ENDLESS, ops.POSSESSIVE_REPEAT):
        return _accepted(value[2][0], flags)
    if op is ops.LITERAL:
        found: frozenset[str] = frozenset({chr(value)})
    elif op is ops.NOT_LITERAL:
        found = ASCII - {chr(value)}
    elif op is ops.ANY:
        found = ASCII if flags & re.DOTALL else ASCII - {"\n"}
    elif op is ops.IN:
        found = frozenset(sign for part in value for sign in _part(*part))
        if value[0][0] is ops.NEGATE:
            found = ASCII - found
    else:
        return frozenset()
    return found | {sign.swapcase() for sign in found} if flags & re.IGNORECASE else found


def _part(op: Any, value: Any) -> Iterator[str]:
    if op is ops.LITERAL:
        yield chr(value)
    elif op is ops.RANGE:
        yield from (chr(code) for code in range(value[0], min(value[1], 127) + 1))
    elif op is ops.CATEGORY:
        yield from (sign for sign in ASCII if CATEGORIES[value].fullmatch(sign))


def test_no_expression_that_searches_reads_a_text_again_and_again() -> None:
    found = dict(searched())
    assert len(found) > 100
    rereading = {name for name, pattern in found.items() if rereads(pattern)}
    assert rereading == SHORT.keys()


@pytest.mark.parametrize(
    "text", [r"^\s*#", r"<!--.*?-->", r"\[([^\]]*)\]\(", r"\s+\Z", r"(?:a|<)[^>]*>", r"<b?(?:x[^>]*)>", r"'.*' for"]
)
def test_an_expression_that_rereads_is_found(text: str) -> None:
    assert rereads(re.compile(text, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize(
    "text",
    [
        r"^[^\S\n]*#",
        r"<!--.*?(?:-->|\Z)",
        r"\[([^\[\]]*)\]\(",
        r"\s+",
        r"\A\s*#",
        r"<[^<>]*>",
        r"<[^>]*+>?",
        r"a{1,9}b",
    ],
)
def test_an_expression_that_does_not_reread_is_allowed(text: str) -> None:
    assert not rereads(re.compile(text, re.DOTALL | re.MULTILINE))
