"""Samples: a part of the files of a version, chosen by rule, so that the choice can be repeated."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import attrs

from entrepot.errors import InvalidArgument

_PAIR = re.compile(r"([0-9]{1,12}):([0-9]{1,12})", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,12}):([0-9]{1,12}|all|-1)(?::([0-9]{1,12}))?", re.ASCII)

TYPES = ("random", "range", "group")


@attrs.frozen
class Sample:
    """A rule that chooses files; ``seed`` is not used by ranges."""

    type: str
    rule: str
    seed: int = 1

    def choose(self, paths: Sequence[str]) -> list[str]:
        """Return the chosen paths, in the order of ``paths``.

        Raises:
            InvalidArgument: the rule does not fit the number of paths.
        """
        places = _CHOICES[self.type](self.rule, len(paths), random.Random(self.seed))  # noqa: S311 - not a secret
        return [paths[place] for place in sorted(places)]


def parse_sample(type_: str, rule: str, seed: int | None) -> Sample:
    """Return a checked rule.

    Raises:
        InvalidArgument: the type is unknown, or the rule is not one of it.
    """
    if type_ not in TYPES:
        raise InvalidArgument(f"unknown sample type {type_!r}: use random, range or group")
    pattern, form = (_RANGE, "start:stop[:step]") if type_ == "range" else (_PAIR, "amount:of, two whole numbers")
    if not pattern.fullmatch(rule):
        raise InvalidArgument(f"the sampling {rule!r} is not {form}")
    return Sample(type_, rule, 1 if seed is None else seed)


def _amount(rule: str, most: int) -> tuple[int, int]:
    match = _PAIR.fullmatch(rule)
    assert match is not None
    amount, frame = int(match[1]), int(match[2])
    if not 0 < amount < frame <= most:
        raise InvalidArgument(f"the sampling {rule!r} needs 0 < amount < of <= {most}, the number of files")
    return amount, frame


def _random(rule: str, count: int, source: random.Random) -> list[int]:
    amount, frame = _amount(rule, count)
    return source.sample(range(count), round(amount * count / frame))


def _group(rule: str, count: int, source: random.Random) -> list[int]:
    amount, frame = _amount(rule, count)
    found: list[int] = []
    for start in range(0, count, frame):
        group = range(start, min(start + frame, count))
        found += source.sample(group, round(amount * len(group) / frame))
    return found


def _range(rule: str, count: int, source: random.Random) -> list[int]:
    match = _RANGE.fullmatch(rule)
    assert match is not None
    start, step = int(match[1]), int(match[3] or 1)
    stop = count if match[2] in ("all", "-1") else int(match[2])
    if not 0 <= start < stop <= count or (match[3] is not None and not 0 < step < stop):
        raise InvalidArgument(f"the sampling {rule!r} needs 0 <= start < stop <= {count} and 0 < step < stop")
    return list(range(start, stop, step))


_CHOICES = {"random": _random, "group": _group, "range": _range}
