"""Annotations of repositories and folders: labels and a description. Source: docs/staged-changes.md, section 1."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.errors import LimitExceeded, Malformed, shown

MAX_LABELS, MAX_LABEL, MAX_DESCRIPTION = 64, 100, 10_000
"""Labels of a repository at most, and characters of a label and of a description."""


def parse_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels that can be stored, in their order.

    Raises:
        LimitExceeded: there are more than 64, or one has more than 100 characters.
        Malformed: one is blank, has a character that cannot be printed, or occurs twice.
    """
    if len(labels) > MAX_LABELS:
        raise LimitExceeded("the number of labels", MAX_LABELS)
    for label in labels:
        if len(label) > MAX_LABEL:
            raise LimitExceeded(f"the length of the label {shown(label)} in characters", MAX_LABEL)
        if not label.strip() or not label.isprintable():
            raise Malformed(f"label {shown(label)}", "expected 1 to 100 printable characters")
        if labels.count(label) > 1:
            raise Malformed("labels", f"{shown(label)} occurs twice")
    return tuple(labels)


def parse_description(text: str) -> str:
    """Return a description that can be stored.

    Raises:
        LimitExceeded: it has more than 10,000 characters.
        Malformed: it contains NUL.
    """
    if len(text) > MAX_DESCRIPTION:
        raise LimitExceeded("the length of the description in characters", MAX_DESCRIPTION)
    if "\0" in text:
        raise Malformed("description", "it contains the character NUL")
    return text
