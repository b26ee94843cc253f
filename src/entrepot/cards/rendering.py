"""Rendering of cards: YAML for people, line endings preserved, templates filled in."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import re
from collections.abc import Mapping
from typing import Any

import yaml

from entrepot.cards.front_matter import split_card
from entrepot.cards.yaml_values import plain_value
from entrepot.errors import InvalidArgument, LibraryMissing, Malformed

_FIRST_BREAK = re.compile(r"\r\n|\r|\n")
_MAX_DEPTH = 64


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper of plain values, without anchors and aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Return True: aliases are never used, because people read the card."""
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.Node:
    # PyYAML quotes text that is a number in YAML 1.1; YAML 1.2 has more numbers (0E0).
    style = "'" if text and not isinstance(plain_value(text), str) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)


def render_yaml(data: Mapping[str, Any], *, line_break: str | None = None) -> str:
    """Return a mapping as YAML, in its own order, with ``line_break`` (LF if None) after every line.

    Other values are converted to plain YAML values: tuples and sets to lists,
    enumerations to their values, paths to text, data classes to mappings, and
    arrays and scalars of numerical libraries to numbers.

    Raises:
        InvalidArgument: a value cannot be converted; the message names its key.
    """
    plain = {str(key): _plain(value, str(key)) for key, value in data.items()}
    text = yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
    return str(text) if line_break in (None, "\n") else str(text).replace("\n", line_break or "\n")


def _plain(value: Any, key: str, depth: int = 0) -> Any:  # noqa: ANN401 - the point is to accept what comes
    if depth > _MAX_DEPTH:
        raise InvalidArgument(f"the metadata {key!r} are nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, enum.Enum):
        return _plain(value.value, key, depth + 1)
    if value is None or isinstance(value, bool | datetime.date):
        return value
    for kind in (str, int, float):  # including subclasses, which PyYAML cannot represent
        if isinstance(value, kind):
            return kind(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {_plain(name, key, depth + 1): _plain(item, key, depth + 1) for name, item in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [_plain(item, key, depth + 1) for item in value]
    if hasattr(value, "__fspath__"):
        return str(value)
    if hasattr(value, "tolist"):  # arrays and scalars of numpy, torch, jax
        return _plain(value.tolist(), key, depth + 1)
    raise InvalidArgument(f"the metadata {key!r} hold a {type(value).__name__}, which cannot be written as YAML")


def line_ending(text: str) -> str | None:
    """Return the line ending that a text uses, or None if it has only one line.

    Mixed endings count as CR if there are more CR than LF, else as LF.

    Source: huggingface_hub 2.4.0, ``repocard.py``; the public hub decides the same way.
    """
    carriages, feeds = text.count("\r"), text.count("\n")
    if carriages + feeds == 0:
        return None
    if carriages == feeds == text.count("\r\n"):
        return "\r\n"
    return "\r" if carriages > feeds else "\n"


def with_metadata(text: str, data: Mapping[str, Any]) -> str:
    """Return a README with new metadata: its block is replaced or added, the rest is unchanged.

    The block is written with the line ending of the text. In a text whose lines
    end in CR alone no block is recognised, as on the public hub.

    Raises:
        InvalidArgument: a value cannot be written as YAML.
    """
    found = _FIRST_BREAK.search(text)
    ending = found[0] if found else "\n"
    _, body = split_card(text)
    return f"---{ending}{render_yaml(data, line_break=ending)}---{ending}{body}"


def render_template(template: str, values: Mapping[str, Any]) -> str:
    """Fill in a Jinja template; names without a value are empty.

    Guarantees: the template runs in a sandbox and can access only the values.
    Nothing is escaped, because the result is Markdown.

    Raises:
        LibraryMissing: Jinja is not installed.
        Malformed: the template is invalid or fails; the reason names the line if known.
    """
    try:
        import jinja2
        import jinja2.sandbox
    except ImportError as error:
        raise LibraryMissing("Jinja", "jinja2") from error
    environment = jinja2.sandbox.SandboxedEnvironment(autoescape=False)  # Markdown, not HTML
    try:
        return environment.from_string(template).render(dict(values))
    except TypeError as error:  # raised by include and import in an environment without a loader
        raise Malformed("card template", str(error)) from error
    except jinja2.TemplateSyntaxError as error:
        raise Malformed("card template", f"line {error.lineno}: {error.message}") from error
    except jinja2.TemplateError as error:
        raise Malformed("card template", str(error.message)) from error
