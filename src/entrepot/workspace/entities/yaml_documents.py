"""YAML documents of foreign origin: the safe subset, bounded, without aliases."""

from __future__ import annotations

from typing import Any

import yaml

from entrepot.errors import LimitExceeded, Malformed

MOST_BYTES = 1 << 20
MOST_DEPTH = 32
_MOST_DIGITS = 100


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses aliases and deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not supported", self._mark())
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise yaml.composer.ComposerError(None, None, "it is nested too deeply", self._mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number; one that Python could not print is refused."""
        if len(node.value) > _MOST_DIGITS:
            raise yaml.constructor.ConstructorError(None, None, "a number is too long", node.start_mark)
        return int(super().construct_yaml_int(node))

    def _mark(self) -> yaml.Mark | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # the stub lacks its result
        return mark if isinstance(mark, yaml.Mark) else None


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
    if len(text) > MOST_BYTES:
        raise LimitExceeded(f"{what}: its size in bytes", MOST_BYTES)
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
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
