"""Cards: validate one, and index the metadata of a repository from its card and its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import attrs

from entrepot.cards import (
    CardFields,
    Findings,
    ModelMetadata,
    card_fields,
    card_tags,
    dataset_tags,
    describe_model,
    read_card,
    read_metadata,
    split_card,
    validate_card,
)
from entrepot.cards.eval_files import read_eval_file
from entrepot.cards.lineage import LineageInput, card_inputs
from entrepot.cards.metadata import Card
from entrepot.cards.storable_values import storable
from entrepot.cards.summaries import find_citation, summarise
from entrepot.catalog import Lock
from entrepot.catalog.repos import lineage, refs, repo_tags, repositories
from entrepot.catalog.repos.file_metadata import BaseModelNames, WeightMetadata
from entrepot.catalog.repos.repositories import CardFacts
from entrepot.catalog.search import full_text
from entrepot.errors import Busy, Malformed
from entrepot.hub.context import HubContext
from entrepot.hub.jobs import file_metadata
from entrepot.hub.jobs.file_metadata import FoundFiles
from entrepot.hub.jobs.indexing import edges_of
from entrepot.names import MAIN, RepoType

Facts = TypeVar("Facts", CardFacts, WeightMetadata)

_SEARCHED = 100_000
_ATTEMPTS = 20


def validate(text: str, kind: RepoType) -> Findings:
    """Return all faults and warnings about the README of a repository; never raises."""
    return validate_card(text, kind)


def metadata_problem(text: str) -> str:
    """Return why the front matter of a card cannot be read, with its line; empty if it can, or if there is none."""
    try:
        read_metadata(text)
    except Malformed as error:
        return error.reason
    return ""


def index(hub: HubContext, repo_id: int) -> None:
    """Read the card and the files at the head of main and store their metadata; idempotent.

    Raises:
        Busy: main kept moving in the meantime.
    """
    for _ in range(_ATTEMPTS):
        with hub.read() as tx:
            row = repositories.by_id(tx, repo_id)
            head = refs.find(tx, repo_id, MAIN)
            if row is None or head is None:
                return
            found = file_metadata.find(hub, tx, row, head)
        facts, inputs = _facts(hub, row.type, found)
        facts = _storable_fields(facts)
        with hub.write(Lock.repo(repo_id)) as tx:
            # Metadata of an older head must not replace those of a newer one, which may have no job.
            now = repositories.by_id(tx, repo_id)  # it may have another name by now, or none
            if now is None:
                return
            if now.gated != row.gated:  # which decides whether the text of the card may be shown
                continue
            if refs.find(tx, repo_id, MAIN) == head:
                repositories.set_facts(tx, repo_id, facts)
                lineage.replace_card(tx, repo_id, edges_of(repo_id, head, inputs, "", lineage.CARD, hub.now_ms()))
                tags = repo_tags.tags_of(tx, [repo_id]).get(repo_id, ())
                full_text.put(tx, repo_id, str(now.ref.id), tags, _text_of(found)[:_SEARCHED])
                return
    raise Busy("the branch")


def _text_of(found: FoundFiles) -> str:
    """Return the text of the card; empty if it is hidden from readers."""
    return "" if found.is_card_hidden else split_card(found.readme)[1]


def _storable_fields(facts: Facts) -> Facts:
    """Return facts with fields that can be stored and sent: files of users may contain anything."""
    fields: dict[str, Any] = {field.name: getattr(facts, field.name) for field in attrs.fields(type(facts))}
    for name, value in fields.items():
        fields[name] = _storable_fields(value) if isinstance(value, WeightMetadata) else storable(value)
    return attrs.evolve(facts, **fields)


def _facts(hub: HubContext, kind: RepoType, found: FoundFiles) -> tuple[CardFacts, Sequence[LineageInput]]:
    """Return the metadata of a repository, and the sources that they name."""
    try:
        card = read_card(found.readme)
    except Malformed:
        # A card that cannot be read has no metadata; its commit is still valid.
        card = read_card("")
    fields = card_fields(card)
    text = _text_of(found)
    described = WeightMetadata(summary=summarise(text) or None, citation=find_citation(text))
    if kind.kind.has_library:
        model = describe_model(card, fields, found.model)
        results = [item for path, content in found.evaluations.items() for item in read_eval_file(path, content)]
        described = attrs.evolve(described, eval_results=results or None)
        facts = _model_facts(card, fields, model, file_metadata.weigh(hub, found), described)
        inputs = card_inputs(card, attrs.evolve(fields, base_models=model.base_models), kind, model.relation)
        return facts, inputs
    more = dataset_tags(card, file_metadata.sample(hub, found)) if kind is RepoType.DATASET else ()
    sdk = fields.data.get("sdk")
    tags = tuple(dict.fromkeys((*card_tags(card, kind), *more)))
    word = str(sdk) if sdk else None
    facts = CardFacts(dict(fields.data) or None, None, fields.pipeline_tag, None, word, tags, described)
    return facts, card_inputs(card, fields, kind, None)


def _model_facts(
    card: Card, fields: CardFields, model: ModelMetadata, weights: WeightMetadata, described: WeightMetadata
) -> CardFacts:
    """Return the metadata of a model.

    Args:
        described: what is known of the card's text and of further files.
    """
    tags = tuple(dict.fromkeys((*card_tags(card, RepoType.MODEL, relation=model.relation), *model.tags)))
    bases = BaseModelNames(model.relation, model.base_models) if model.relation else None
    return CardFacts(
        dict(fields.data) or None,
        model.config,
        model.pipeline_tag,
        model.library,
        None,
        tags,
        attrs.evolve(
            described,
            safetensors=weights.safetensors,
            gguf=weights.gguf,
            transformers_info=model.transformers_info,
            mask_token=model.mask_token,
            base_models=bases,
        ),
    )
