"""YAML documents of foreign origin: the safe subset, bounded, without aliases."""

from __future__ import annotations

from typing import Any

import yaml

from entrepot.errors import LimitExceeded, Malformed

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
_MAX_DIGITS = 100


_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader with libyaml, if PyYAML was built with it: ten times faster."""


class _Loader(_FAST):  # type: ignore[misc,valid-type] # one of two loaders
    """A safe loader that refuses numbers that Python could not print."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number."""
        if len(node.value) > _MAX_DIGITS:
            raise yaml.constructor.ConstructorError(None, None, "a number is too long", node.start_mark)
        return int(super().construct_yaml_int(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


class _Dumper(yaml.SafeDumper):
    """A dumper that indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


class _FlatDumper(_Dumper):
    """A dumper that does not indent lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        yaml.SafeDumper.increase_indent(self, flow, indentless)


def parse_yaml(text: str | bytes, what: str) -> dict[str, Any]:
    """Return the mapping of a YAML document; an empty document is an empty mapping.

    Raises:
        LimitExceeded: it is longer than 1 MiB.
        Malformed: it is not UTF-8, not YAML, or not a mapping; the message names ``what`` and the line.
    """
    if len(text) > MAX_BYTES:
        raise LimitExceeded(f"{what}: its size in bytes", MAX_BYTES)
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        _check_structure(decoded, what)
        found = yaml.load(decoded, _Loader)  # noqa: S506 - derived from the safe loader
    except UnicodeDecodeError as error:
        raise Malformed(what, "it is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Malformed(what, f"{line}{error.problem or 'it is not YAML'}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Malformed(
            what, f"it is not YAML: {str(error).splitlines()[0] if str(error) else 'unreadable'}"
        ) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Malformed(what, "expected a mapping")
    return found


def _check_structure(text: str, what: str) -> None:
    """Refuse aliases and deep nesting before anything is built: a loader would follow them without a bound."""
    depth = 0
    for event in yaml.parse(text, Loader=_FAST):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent):
            raise Malformed(what, f"line {line}: aliases are not supported")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(what, f"line {line}: it is nested too deeply")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def render_yaml(value: object, *, sort_keys: bool = True) -> str:
    """Return the YAML text of a value, with lists indented below their key."""
    return _render(value, _Dumper, sort_keys)


def render_flat_yaml(value: object) -> str:
    """Return the YAML text of a value with sorted keys, lists not indented."""
    return _render(value, _FlatDumper, True)


def _render(value: object, dumper: type[yaml.SafeDumper], sort_keys: bool) -> str:
    return yaml.dump(
        value, Dumper=dumper, sort_keys=sort_keys, default_flow_style=False, allow_unicode=True, width=1 << 20
    )
