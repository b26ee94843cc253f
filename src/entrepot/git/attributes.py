"""Which paths ``.gitattributes`` hands to LFS.

Source: git, Documentation/gitattributes.adoc, and ``attr.c``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import attrs

from entrepot.git.patterns import MAX_RULE_BYTES, MAX_RULES, MAX_TEXT, PathPattern, PatternBudget
from entrepot.names import RepoPath

_State = tuple[str, str | bool | None]
"""An attribute, and its value: text, True (set), False (unset), None (back to unspecified)."""

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


@attrs.frozen
class _Rule:
    pattern: PathPattern
    states: tuple[_State, ...]


@attrs.frozen
class Attributes:
    """The rules of one ``.gitattributes`` in the root folder."""

    _rules: tuple[_Rule, ...]  # the last line first: the last match wins
    _macros: dict[str, tuple[_State, ...]]
    # Most rules are "*.suffix" and most names have none of them: one comparison then passes over all of these.
    _suffixes: tuple[bytes, ...] = attrs.field(init=False, repr=False, eq=False)
    _others: tuple[_Rule, ...] = attrs.field(init=False, repr=False, eq=False)

    @_suffixes.default
    def _find_suffixes(self) -> tuple[bytes, ...]:
        return tuple(suffix for rule in self._rules if (suffix := rule.pattern.name_suffix) is not None)

    @_others.default
    def _find_others(self) -> tuple[_Rule, ...]:
        return tuple(rule for rule in self._rules if rule.pattern.name_suffix is None)

    @classmethod
    def parse(cls, text: str) -> Attributes:
        """Read the text of a ``.gitattributes``. Nothing is an error: git skips what it cannot use.

        At most 2,000 rules in the first 256 Ki characters count, lines of at
        most 4,096 bytes, and 32 KiB of patterns with wildcards other than
        ``*.suffix``; the rest is ignored. Negative patterns are
        ignored, as git does.
        """
        rules: list[_Rule] = []
        budget = PatternBudget()
        macros: dict[str, tuple[_State, ...]] = {"binary": _BINARY}
        for line in text[:MAX_TEXT].removeprefix("\ufeff").split("\n"):
            parsed = _parse_line(line.encode("utf-8", "surrogatepass"))
            if parsed is None:
                continue
            head, states = parsed
            macro = head.removeprefix(_MACRO).decode("utf-8", "replace")
            if head.startswith(_MACRO) and macro:
                if _ATTRIBUTE.fullmatch(macro) and len(macros) < MAX_RULES:
                    macros[macro] = states
            elif (pattern := budget.compile(head)) is not None:
                rules.append(_Rule(pattern, states))
        # Rules that neither name the filter nor a macro can never decide anything here.
        telling = {"filter", *macros}
        kept = [rule for rule in reversed(rules) if any(name in telling for name, _ in rule.states)]
        return cls(tuple(kept), macros)

    def is_lfs(self, path: RepoPath) -> bool | None:
        """Whether the file at a path goes to LFS; None if no rule says.

        ``-filter`` and another filter are False; ``!filter`` is None.
        """
        whole = path.encode("utf-8", "surrogatepass")
        name = whole[whole.rfind(b"/") + 1 :]
        decided: dict[str, str | bool | None] = {}
        for rule in self._rules if name.endswith(self._suffixes) else self._others:
            # Attributes describe files, never all that is below a folder.
            if rule.pattern.folders_only or not rule.pattern.matches(whole, name):
                continue
            self._decide(rule.states, decided)
            if "filter" in decided:
                value = decided["filter"]
                return None if value is None else value == "lfs"
        return None

    def _decide(self, states: tuple[_State, ...], decided: dict[str, str | bool | None]) -> None:
        """Settle what is still open, the last state of a line first, macros in their place."""
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
    """Pattern or ``[attr]macro``, and the states; None for a line that says nothing."""
    line = line.lstrip(b" \t\r")
    if not line or line.startswith(b"#") or len(line) > MAX_RULE_BYTES:
        return None
    split = _quoted(line) or re.split(rb"[ \t\r]", line, maxsplit=1)
    head, rest = split[0], split[1] if len(split) > 1 else b""
    states = _parse_states(rest)
    if states is None:
        return None
    return None if head.startswith(b"!") or not head else (head, states)


def _quoted(line: bytes) -> list[bytes] | None:
    """Pattern and rest of a line that starts with a quoted pattern; None if it does not."""
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
    """The states of a line; None if one names no possible attribute, which voids the line."""
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


def _lfs_lines(patterns: str) -> str:
    return "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns.split())


# The patterns are facts of the public hub's templates (hf_api, section 4.2).
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
"""The ``.gitattributes`` of a new dataset repository: audio, images and video are large as well."""

DEFAULT_SPACE: Final = DEFAULT_MODEL
"""The ``.gitattributes`` of a new space repository."""
