"""The rules of ``.gitattributes`` that select LFS files.

Source: git, Documentation/gitattributes.adoc, and ``attr.c``.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from entrepot.git.patterns import (
    MAX_LITERALS,
    MAX_RULE_BYTES,
    MAX_RULES,
    NO_RULES,
    MatchingWork,
    PathPattern,
    PatternBudget,
    RuleSet,
)
from entrepot.names import RepoPath

_State = tuple[str, str | bool | None]
"""An attribute and its value: text, True (set), False (unset), None (unspecified)."""

_ATTRIBUTE = re.compile(r"[A-Za-z0-9_.][-A-Za-z0-9_.]*")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPES: Final = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\\": b"\\",
    b'"': b'"',
}
_MACRO = b"[attr]"
_BINARY: Final[tuple[_State, ...]] = (("diff", False), ("merge", False), ("text", False))


MAX_ATTRIBUTES: Final = 2 << 20
"""The number of bytes read of a ``.gitattributes``; git itself reads up to 100 MiB."""

_LFS = " filter=lfs diff=lfs merge=lfs -text"
_LFS_STATES: Final[tuple[_State, ...]] = (("filter", "lfs"), ("diff", "lfs"), ("merge", "lfs"), ("text", False))
_MAX_GIT_LINE = 2_047
"""The longest line that git reads, in bytes (``ATTR_MAX_LINE_LENGTH``)."""


@attrs.frozen
class _Rule:
    line: int
    pattern: PathPattern
    states: tuple[_State, ...]


@attrs.frozen
class Attributes:
    """The rules of a ``.gitattributes`` in the root folder."""

    _rules: tuple[_Rule, ...]  # in reverse order: the last match wins
    _macros: dict[str, tuple[_State, ...]]
    size: RuleSet = NO_RULES
    # Most rules are "*.suffix" and most names match none of them: one comparison skips all of these.
    _suffixes: tuple[bytes, ...] = attrs.field(init=False, repr=False, eq=False)
    _others: tuple[_Rule, ...] = attrs.field(init=False, repr=False, eq=False)
    # Rules without wildcards are found by hashing, so thousands of them cost nothing.
    _literals: dict[tuple[bool, bytes], list[_Rule]] = attrs.field(init=False, repr=False, eq=False)
    _wildcards: tuple[_Rule, ...] = attrs.field(init=False, repr=False, eq=False)

    @_suffixes.default
    def _find_suffixes(self) -> tuple[bytes, ...]:
        return tuple(suffix for rule in self._rules if (suffix := rule.pattern.name_suffix) is not None)

    @_others.default
    def _find_others(self) -> tuple[_Rule, ...]:
        return tuple(rule for rule in self._rules if rule.pattern.name_suffix is None and rule.pattern.literal is None)

    @_literals.default
    def _find_literals(self) -> dict[tuple[bool, bytes], list[_Rule]]:
        found: dict[tuple[bool, bytes], list[_Rule]] = {}
        for rule in self._rules:
            if rule.pattern.literal is not None:
                found.setdefault((rule.pattern.on_name, rule.pattern.literal), []).append(rule)
        return found

    @_wildcards.default
    def _find_wildcards(self) -> tuple[_Rule, ...]:
        return tuple(rule for rule in self._rules if rule.pattern.literal is None)

    @classmethod
    def parse(cls, text: str) -> Attributes:
        """Parse a ``.gitattributes``. Lines that git cannot use are skipped, as git does.

        Limits: 2,000 rules with wildcards and 50,000 without, in the first 2 Mi
        characters; lines of 4,096 bytes; 32 KiB of patterns with wildcards other
        than ``*.suffix``. Anything beyond them is ignored. Negative patterns are
        ignored, as git does.
        """
        rules: list[_Rule] = []
        budget = PatternBudget(literals=MAX_LITERALS)
        macros: dict[str, tuple[_State, ...]] = {"binary": _BINARY}
        for number, line in enumerate(text[:MAX_ATTRIBUTES].removeprefix("\ufeff").split("\n")):
            parsed = _parse_line(line.encode("utf-8", "surrogatepass"))
            if parsed is None:
                continue
            head, states = parsed
            macro = head.removeprefix(_MACRO).decode("utf-8", "replace")
            if head.startswith(_MACRO) and macro:
                if _ATTRIBUTE.fullmatch(macro) and len(macros) < MAX_RULES:
                    macros[macro] = states
            elif (pattern := budget.compile(head)) is not None:
                rules.append(_Rule(number, pattern, states))
        # Rules without the filter attribute or a macro cannot affect the result.
        telling = {"filter", *macros}
        kept = [rule for rule in reversed(rules) if any(name in telling for name, _ in rule.states)]
        compared = sum(rule.pattern.literal is None for rule in kept)
        return cls(tuple(kept), macros, RuleSet(compared, budget.wildcard_bytes, min(len(text), MAX_ATTRIBUTES)))

    def is_lfs(self, path: RepoPath, work: MatchingWork | None = None) -> bool | None:
        """Return whether the file at a path is stored in LFS; None if no rule decides.

        The result is False for ``-filter`` and other filters, and None for ``!filter``.

        Args:
            work: counts the comparisons; None for rules and paths that are trusted.

        Raises:
            LimitExceeded: ``work`` has no more left.
        """
        whole = path.encode("utf-8", "surrogatepass")
        name = whole[whole.rfind(b"/") + 1 :]
        if work is not None:
            work.add(self.size.matching_work(len(whole)))
        decided: dict[str, str | bool | None] = {}
        for rule in self._candidates(whole, name):
            # Attributes apply to files, not to everything below a folder.
            if rule.pattern.folders_only or not rule.pattern.matches(whole, name):
                continue
            self._decide(rule.states, decided)
            if "filter" in decided:
                value = decided["filter"]
                return None if value is None else value == "lfs"
        return None

    def _candidates(self, whole: bytes, name: bytes) -> Iterable[_Rule]:
        """Yield the rules that may match a path, in reverse order."""
        rules = self._wildcards if name.endswith(self._suffixes) else self._others
        exact = [*self._literals.get((False, whole), ()), *self._literals.get((True, name), ())]
        if not exact:
            return rules
        exact.sort(key=lambda rule: -rule.line)
        return heapq.merge(exact, rules, key=lambda rule: -rule.line)

    def _decide(self, states: tuple[_State, ...], decided: dict[str, str | bool | None]) -> None:
        """Apply a line to the undecided attributes, its last state first, expanding macros in place."""
        waiting: list[Iterator[_State]] = [reversed(states)]
        while waiting:
            state = next(waiting[-1], None)
            if state is None:
                waiting.pop()
                continue
            name, value = state
            if name in decided:
                continue
            decided[name] = value
            if value is True and name in self._macros:
                waiting.append(reversed(self._macros[name]))


def _parse_line(line: bytes) -> tuple[bytes, tuple[_State, ...]] | None:
    """Return the pattern or ``[attr]macro`` and the states of a line, or None if it has no effect."""
    line = line.lstrip(b" \t\r")
    if not line or line.startswith(b"#") or len(line) > MAX_RULE_BYTES:
        return None
    text = line.decode("utf-8", "replace")
    if text.endswith(_LFS) and line[:1] not in (b'"', b"!"):  # the vast majority of lines in long files
        head = line[: -len(_LFS)]
        if not re.search(rb"[ \t\r]", head):
            return head, _LFS_STATES
    split = _quoted(line) or re.split(rb"[ \t\r]", line, maxsplit=1)
    head, rest = split[0], split[1] if len(split) > 1 else b""
    states = _parse_states(rest)
    if states is None:
        return None
    return None if head.startswith(b"!") or not head else (head, states)


def _quoted(line: bytes) -> list[bytes] | None:
    """Return the pattern and the rest of a line that starts with a quoted pattern, else None."""
    match = _QUOTED.match(line)
    if match is None:
        return None
    pieces = _ESCAPE.findall(match[1])
    if not all(piece in _ESCAPES or len(piece) == 3 for piece in pieces):
        return None

    def unescape(escape: re.Match[bytes]) -> bytes:
        return _ESCAPES.get(escape[1]) or bytes((int(escape[1], 8),))

    return [_ESCAPE.sub(unescape, match[1]), line[match.end() :]]


def _parse_states(text: bytes) -> tuple[_State, ...] | None:
    """Return the states of a line, or None if an attribute name is invalid, which voids the line."""
    states: list[_State] = []
    for word in re.split(rb"[ \t\r]+", text):
        if not word:
            continue
        name, equals, value = word.decode("utf-8", "replace").partition("=")
        mark = name[0] if name and name[0] in "-!" else ""
        name = name.removeprefix(mark)
        if not _ATTRIBUTE.fullmatch(name):
            return None
        if mark:
            states.append((name, False if mark == "-" else None))
        else:
            states.append((name, value if equals else True))
    return tuple(states)


def render_lfs_rule(path: RepoPath, *, is_anchored: bool = False) -> str | None:
    """Return the line, without its end, that stores exactly one path in LFS.

    Args:
        path: relative to the folder of the ``.gitattributes``.
        is_anchored: write ``/name`` for a file beside the ``.gitattributes``;
            a bare name also matches files of this name in all folders below.

    Returns:
        None if the line is longer than 2,047 bytes, because git would ignore it.
    """
    pattern = re.sub(r"[\\*?\[]", r"\\\g<0>", path)
    if is_anchored and "/" not in path:
        pattern = f"/{pattern}"
    elif pattern[0] in "#!":
        pattern = f"\\{pattern}"
    if pattern[0] == '"' or re.search(r"\s", pattern):
        pattern = '"' + re.sub(r'[\\"]', r"\\\g<0>", pattern) + '"'
    line = pattern + _LFS
    return line if len(line.encode("utf-8", "surrogateescape")) <= _MAX_GIT_LINE else None


def merge_lfs_rules(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Return a ``.gitattributes`` with the lines that both sides appended, or None if they need manual merging.

    Files are merged only if both sides appended nothing but plain LFS rules,
    whose order does not matter.
    """
    start = base if not base or base.endswith(b"\n") else base + b"\n"
    if not (ours.startswith(start) and theirs.startswith(start)):
        return None
    own, others = ours[len(start) :].splitlines(), theirs[len(start) :].splitlines()
    if not all(line.endswith(_LFS.encode()) and not line.startswith(b"#") for line in own + others):
        return None
    known = set(own)
    added = [line for line in others if line not in known]
    return start + b"".join(line + b"\n" for line in [*own, *added])


def _lfs_lines(patterns: str) -> str:
    return "".join(f"{pattern}{_LFS}\n" for pattern in patterns.split())


# The patterns are those of the public hub's templates (docs/protocols/hf_api.md, section 4.2).
_WEIGHTS: Final = """
    *.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz
    *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar
    *.tflite *.tgz *.wasm *.xz *.zip *.zst *tfevents*
"""
_MEDIA: Final = """
    *.lz4 *.mds *.pcm *.sam *.raw *.aac *.flac *.mp3 *.ogg *.wav *.bmp *.gif *.png *.tiff *.jpg *.jpeg *.webp
    *.mp4 *.webm
"""

DEFAULT_MODEL: Final = _lfs_lines(_WEIGHTS)
"""The ``.gitattributes`` of a new model repository."""

DEFAULT_DATASET: Final = _lfs_lines(_WEIGHTS + _MEDIA)
"""The ``.gitattributes`` of a new dataset repository, with patterns for audio, images and video."""

DEFAULT_SPACE: Final = DEFAULT_MODEL
"""The ``.gitattributes`` of a new space repository."""
