"""Statements about lineage in cards and in the lines of commit messages.

Source: docs/lineage.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

from entrepot.cards.metadata import Card, CardFields
from entrepot.errors import InvalidName
from entrepot.names import VERSIONED_TYPES, RepoType, parse_wanted_id

KINDS = (
    "trained_on",
    "derived_from",
    "labels_of",
    "evaluated_on",
    "quantised_from",
    "merged_from",
    "produced_by",
)
"""What a source can be for a commit."""

MAX_INPUTS = 200
"""Maximum number of sources of one card or message that are recorded."""

_BY_RELATION = {"quantized": "quantised_from", "merge": "merged_from"}
_LINE = re.compile(r"([A-Za-z][A-Za-z-]{0,60}): (.{1,500})")
_KEY = re.compile(r"(?:hub/)?(?:(models|datasets|spaces)/)?([^@\s]{1,200})@([0-9a-f]{40})")
_INPUT = re.compile(rf"(?:({'|'.join(KINDS)}) )?(\S+)")
_TYPES = {kind.kind.plural: kind for kind in VERSIONED_TYPES}


@attrs.frozen
class LineageInput:
    """A source: its relation to the result, its type and name, and its commit (40 hex digits) or ``""``."""

    kind: str
    type: RepoType
    name: str
    oid: str = ""


@attrs.frozen
class MessageLineage:
    """The lineage in a commit message: the run that made the commit (``""`` if none) and its sources."""

    run: str
    inputs: tuple[LineageInput, ...]


def card_inputs(card: Card, fields: CardFields, repo_type: RepoType, relation: str | None) -> tuple[LineageInput, ...]:
    """Return the sources that a card names: base models, training data, source datasets.

    Args:
        relation: the relation of a model to its base models.
    """
    found: list[LineageInput] = []
    if repo_type is RepoType.MODEL:
        kind = _BY_RELATION.get(relation or "", "derived_from")
        found += _named(kind, RepoType.MODEL, fields.base_models)
        found += _named("trained_on", RepoType.DATASET, fields.datasets)
    elif repo_type is RepoType.DATASET:
        sources = card.data.get("source_datasets")
        names = [name for name in sources if isinstance(name, str) and "/" in name] if isinstance(sources, list) else []
        found += _named("derived_from", RepoType.DATASET, names)
    return tuple(found[:MAX_INPUTS])


def read_message(message: str, repo_type: RepoType) -> MessageLineage | None:
    """Return the lineage that the last paragraph of a commit message states; None if it states none.

    Lines ``Hub-Read: hub/datasets/NS/NAME@COMMIT`` name what a run has read, lines
    ``Entrepot-Input: [KIND] datasets/NS/NAME@COMMIT`` name a source, and ``Metaflow-Task`` or
    ``Entrepot-Run`` names the run.

    Args:
        repo_type: that of the repository with the commit; decides about sources without a kind.
    """
    if "Hub-Read: " not in message and "Entrepot-Input: " not in message:
        return None
    run = ""
    inputs: list[LineageInput] = []
    for line in message.rstrip().rpartition("\n\n")[2].splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        name, value = match[1].lower(), match[2].strip()
        if name in ("metaflow-task", "entrepot-run"):
            run = value[:200]
        elif name == "hub-read":
            inputs += _read(None, value, repo_type)
        elif name == "entrepot-input" and (parts := _INPUT.fullmatch(value)):
            inputs += _read(parts[1], parts[2], repo_type)
    return MessageLineage(run, tuple(dict.fromkeys(inputs))[:MAX_INPUTS]) if inputs else None


def usual_kind(source: RepoType, result: RepoType) -> str:
    """Return the default relation of a source to a result: training data of a model, else its origin."""
    return "trained_on" if source is RepoType.DATASET and result is RepoType.MODEL else "derived_from"


def _read(kind: str | None, value: str, result: RepoType) -> Iterator[LineageInput]:
    match = _KEY.fullmatch(value)
    if match is None or not _is_name(match[2]):
        return
    source = _TYPES[match[1] or "models"]
    yield LineageInput(kind or usual_kind(source, result), source, match[2], match[3])


def _named(kind: str, source: RepoType, names: Iterable[str]) -> Iterator[LineageInput]:
    return (LineageInput(kind, source, name) for name in dict.fromkeys(names) if _is_name(name))


def _is_name(text: str) -> bool:
    try:
        parse_wanted_id(text)
    except InvalidName:
        return False
    return True
