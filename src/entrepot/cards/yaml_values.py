"""Parsing of untrusted YAML into JSON values, event by event, within limits.

libyaml only splits the text into events. YAML tags never select a Python type,
and aliases are counted as if they were expanded, so a small text cannot become
a large value. libyaml searches all ``%TAG`` directives of a text for each new one and for each tag, so their number
is limited before it reads any.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import TypeAlias

import attrs
import yaml

from entrepot.errors import Malformed, shown

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""A JSON value: numbers are finite, integers have at most 64 bits."""

MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_CHARACTERS = 1 << 22
MAX_TAG_DIRECTIVES = 64
_MAX_NUMBER = 64
_RESOLVER = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()  # used for single scalars only, of which it keeps nothing

# Directives begin lines, which end as libyaml's do. Source: YAML 1.1.3, section 4.1.4 (b-char).
_TAG_DIRECTIVE = re.compile("(?:^\ufeff?|[\n\r\x85\u2028\u2029])%TAG")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_STANDARD}str", f"{_STANDARD}binary"})
_PLAIN_TAGS = frozenset({None} | {_STANDARD + kind for kind in ("int", "float", "bool", "null", "timestamp")})
_FOLDER_TAGS = frozenset({None, "!"} | {_STANDARD + kind for kind in ("map", "seq", "set", "omap", "pairs")})

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@attrs.define  # not frozen: there is one for each value, and frozen ones take three times as long to create
class _Node:
    """A finished value, and its cost each time it is used."""

    value: JsonValue
    nodes: int
    characters: int
    height: int
    text: str | None = None
    """The written text of a scalar, which is used if it is a key."""


@attrs.define
class _Open:
    """A list or mapping whose end has not been read yet."""

    value: list[JsonValue] | dict[str, JsonValue]
    anchor: str | None
    key: str | None = None
    merge: bool = False
    merged: list[JsonValue] = attrs.field(factory=list)
    nodes: int = 1
    characters: int = 0
    height: int = 1


class YamlReader:
    """A reader of one document; create a new one for each document.

    Args:
        first_line: number of the first line, for messages.
        old_keys: keys of the document below which unquoted scalars are those of YAML 1.1. What an alias refers to has
            the version of the place where it is written.
    """

    def __init__(self, first_line: int = 1, old_keys: Collection[str] = ()) -> None:
        self._old_keys = old_keys
        self._first_line = first_line
        self._line = first_line
        self._open: list[_Open] = []
        self._anchors: dict[str, _Node] = {}
        self._nodes = 0
        self._characters = 0
        self._root: _Node | None = None

    def read(self, text: str) -> JsonValue:
        """Return the document as a JSON value, or None if it is empty.

        Raises:
            Malformed: the text is not a single YAML document, or a limit is exceeded.
        """
        if sum(1 for _ in _TAG_DIRECTIVE.finditer(text)) > MAX_TAG_DIRECTIVES:
            raise self._malformed(f"it has more than {MAX_TAG_DIRECTIVES} %TAG directives")
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                if event.start_mark is not None:
                    self._line = self._first_line + event.start_mark.line
                self._take(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark is not None:
                self._line = self._first_line + mark.line
            raise self._malformed(error.problem or error.context or "it is not YAML") from error
        except yaml.reader.ReaderError as error:
            raise self._malformed(f"{error.reason} at character {error.position}") from error
        except UnicodeEncodeError as error:
            raise self._malformed("it is not valid Unicode") from error
        return None if self._root is None else self._root.value

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), event.anchor, plain=event.implicit[0])
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._aliased(str(event.anchor)), None, plain=False)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            raise self._malformed("a second document begins here")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if event.tag not in _FOLDER_TAGS:
            raise self._malformed(f"the tag {shown(str(event.tag))} is not allowed")
        if len(self._open) >= MAX_DEPTH:
            raise self._malformed(f"it is deeper than {MAX_DEPTH} levels")
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise self._malformed("a list or mapping cannot be a key (quote text that begins with '{' or '[')")
        if event.anchor is not None:
            # Before its end, an alias to it would make it contain itself.
            self._anchors.pop(event.anchor, None)
        self._count(1, 0)
        self._open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        if isinstance(done.value, dict):
            for source in done.merged:
                for key, value in source.items() if isinstance(source, dict) else ():
                    done.value.setdefault(key, value)
        node = _Node(done.value, done.nodes, done.characters, done.height)
        self._nodes -= node.nodes  # counted already, one by one
        self._characters -= node.characters
        self._add(node, done.anchor, plain=False)

    def _add(self, node: _Node, anchor: str | None, *, plain: bool) -> None:
        self._count(node.nodes, node.characters)
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.nodes += node.nodes
        parent.characters += node.characters
        parent.height = max(parent.height, node.height + 1)
        if len(self._open) + node.height > MAX_DEPTH:
            raise self._malformed(f"it is deeper than {MAX_DEPTH} levels")
        if isinstance(parent.value, list):
            parent.value.append(node.value)
        elif parent.key is None:
            if node.text is None:
                raise self._malformed("a list or mapping cannot be a key")
            parent.key = node.text
            parent.merge = plain and node.text == "<<"
        elif parent.merge:
            parent.merged.extend(node.value if isinstance(node.value, list) else [node.value])
            parent.key = None
        else:
            parent.value[parent.key] = node.value
            parent.key = None

    def _count(self, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > MAX_NODES:
            raise self._malformed(f"it expands to more than {MAX_NODES:,} values")
        if self._characters > MAX_CHARACTERS:
            raise self._malformed(f"it expands to more than {MAX_CHARACTERS:,} characters")

    def _aliased(self, anchor: str) -> _Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise self._malformed(f"the alias {shown(anchor)} refers to nothing, or to a value that contains it")
        return node

    def _scalar(self, event: yaml.ScalarEvent) -> _Node:
        # NUL is legal in YAML and in JSON, but not in text columns of databases.
        text = event.value.replace("\0", "\ufffd")
        if event.tag in _TEXT_TAGS or (event.tag is None and not event.implicit[0]):
            value: JsonValue = text
        elif event.tag in _PLAIN_TAGS:
            is_old = bool(self._open) and self._open[0].key in self._old_keys
            value = plain_value_1_1(text) if is_old else plain_value(text)
        else:
            raise self._malformed(f"the tag {shown(str(event.tag))} is not allowed")
        return _Node(value, 1, len(text), 0, text)

    def _malformed(self, reason: str) -> Malformed:
        return Malformed("repo card metadata", f"line {self._line}: {reason}")


def plain_value(text: str) -> JsonValue:
    """Return the JSON value of an unquoted YAML scalar.

    Source: YAML 1.2.2, section 10.3 (core schema), and YAML 1.1's timestamp
    type. Numbers that JSON cannot represent keep their text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return _storable(int(text, 0) if text[:2] in ("0o", "0x") else int(text), text)
    if _FLOAT.fullmatch(text):
        return _storable(float(text), text)
    return _iso_date(text)


def plain_value_1_1(text: str) -> JsonValue:
    """Return the JSON value of an unquoted scalar of YAML 1.1, as PyYAML reads it: ``no`` is false, ``010`` is 8.

    Numbers that JSON cannot represent keep their text; dates are ISO texts.
    """
    if len(text) > _MAX_NUMBER:
        return text
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    kind = tag.removeprefix(_STANDARD)
    node = yaml.ScalarNode(_STANDARD + kind, text)
    try:
        if kind == "bool":
            return bool(_CONSTRUCTOR.construct_yaml_bool(node))
        if kind == "int":
            return _storable(int(_CONSTRUCTOR.construct_yaml_int(node)), text)
        if kind == "float":
            return _storable(float(_CONSTRUCTOR.construct_yaml_float(node)), text)
    except ValueError:  # such as "0b_"
        return text
    if kind == "null":
        return None
    return _iso_date(text) if kind == "timestamp" else text


def _storable(number: float, text: str) -> JsonValue:
    """Return a number if JSON and databases can represent it, else its text."""
    if isinstance(number, int):
        return number if -(1 << 63) <= number < 1 << 63 else text
    return number if math.isfinite(number) else text


def _iso_date(text: str) -> str:
    if not _CONSTRUCTOR.timestamp_regexp.match(text):
        return text
    try:
        moment = _CONSTRUCTOR.construct_yaml_timestamp(yaml.ScalarNode(f"{_STANDARD}timestamp", text))
        return str(moment.isoformat())
    except (ValueError, OverflowError):  # an impossible date such as 2024-02-31 stays text
        return text
