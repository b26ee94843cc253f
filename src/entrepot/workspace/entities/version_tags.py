"""Tags of versions: categories, name and number, joined by two underscores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import attrs

from entrepot.errors import InvalidName

SEPARATOR = "__"
MAX_CATEGORIES = 20
MAX_NUMBER = 999_999_999

_WORD = re.compile(r"[A-Za-z0-9.+-]{1,100}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


@attrs.frozen
class Identity:
    """What distinguishes an entity from others of its kind: its categories and its name."""

    categories: tuple[str, ...]
    name: str

    def tag(self, number: int) -> str:
        """Return the tag of a version."""
        return SEPARATOR.join((*self.categories, self.name, str(number)))

    def __str__(self) -> str:
        return SEPARATOR.join((*self.categories, self.name))


@attrs.frozen
class VersionTag:
    """A version of an entity."""

    identity: Identity
    number: int

    def __str__(self) -> str:
        return self.identity.tag(self.number)


def parse_tag(text: str) -> VersionTag:
    """Parse the tag of a version.

    Raises:
        InvalidName: it is not ``<category>__…__<name>__<number>``.
    """
    found = find_tag(text)
    if found is None:
        raise InvalidName("version tag", text, "expected <category>__<name>__<number>")
    return found


def find_tag(text: str) -> VersionTag | None:
    """Return the version that a tag stands for; None if it is not the tag of a version."""
    *words, number = text.split(SEPARATOR)
    if not words or not _NUMBER.fullmatch(number) or any(word_fault(word) for word in words):
        return None
    return VersionTag(Identity(tuple(words[:-1]), words[-1]), int(number))


def word_fault(word: str) -> str | None:
    """Return the rule that a name or a category breaks, or None."""
    if not word:
        return "it is empty"
    if not _WORD.fullmatch(word):
        return "use 1 to 100 letters, digits, '-', '.' and '+'"
    if word.startswith(("-", ".")) or word.endswith((".", ".lock")) or ".." in word:
        return "it must not begin with '-' or '.', contain '..', or end in '.' or '.lock'"
    return None


def parse_name(name: str) -> str:
    """Return the checked name of an entity.

    Raises:
        InvalidName: it breaks a rule.
    """
    fault = word_fault(name)
    if fault is not None:
        raise InvalidName("entity name", name, fault)
    return name


def parse_categories(words: Iterable[str]) -> tuple[str, ...]:
    """Return checked categories, without the blanks around them.

    Raises:
        InvalidName: one breaks a rule, there is none, or there are more than 20.
    """
    found = tuple(word.strip() for word in words)
    for word in found:
        fault = word_fault(word)
        if fault is not None:
            raise InvalidName("category", word, fault)
    if not 1 <= len(found) <= MAX_CATEGORIES:
        raise InvalidName("categories", ", ".join(found), f"name 1 to {MAX_CATEGORIES}")
    return found


def parse_number(number: int) -> int:
    """Return the checked number of a new version.

    Raises:
        InvalidName: it is not between 1 and 999,999,999.
    """
    if not 1 <= number <= MAX_NUMBER:
        raise InvalidName("version", str(number), f"use a number between 1 and {MAX_NUMBER:,}")
    return number


def of_name(tags: Iterable[str], name: str) -> dict[Identity, list[VersionTag]]:
    """Return the versions of all entities with a name, in ascending order of their numbers."""
    found: dict[Identity, list[VersionTag]] = {}
    for text in tags:
        tag = find_tag(text)
        if tag is not None and tag.identity.name == name:
            found.setdefault(tag.identity, []).append(tag)
    return {identity: sorted(versions, key=lambda tag: tag.number) for identity, versions in found.items()}


def next_number(numbers: Sequence[int]) -> int:
    """Return the number after the highest one; 1 if there is none."""
    return max(numbers, default=0) + 1
