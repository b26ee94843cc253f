"""Cards: validate one, and index the metadata of a repository from its card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from entrepot.cards import Findings, card_fields, card_tags, library_tags, read_card, split_card, validate_card
from entrepot.catalog import Lock, Read
from entrepot.catalog.git import objects
from entrepot.catalog.repos import refs, repositories
from entrepot.catalog.repos.repositories import CardFacts, RepoRow
from entrepot.catalog.search import full_text
from entrepot.errors import Busy, Malformed
from entrepot.git import Kind
from entrepot.hub.context import HubContext
from entrepot.names import MAIN, ROOT, Oid, RepoPath, RepoType
from entrepot.storage import objects as stored
from entrepot.storage.trees import Trees

_CARD_LIMIT = 1 << 20
_CONFIG_LIMIT = 1 << 20
_CONFIG_KEYS = ("architectures", "model_type", "quantization_config", "tokenizer_config")
_NAMES_LIMIT = 2_000
_SEARCHED = 100_000
_ATTEMPTS = 20


def validate(text: str, kind: RepoType) -> Findings:
    """Return all faults and warnings about the README of a repository; never raises."""
    return validate_card(text, kind)


def index(hub: HubContext, repo_id: int) -> None:
    """Read the card at the head of main and store its metadata; idempotent.

    Raises:
        Busy: main kept moving in the meantime.
    """
    for _ in range(_ATTEMPTS):
        with hub.read() as tx:
            row = repositories.by_id(tx, repo_id)
            head = refs.find(tx, repo_id, MAIN)
            if row is None or head is None:
                return
            readme = _readme(hub, tx, row, head)
            facts = _facts(hub, tx, row, head, readme)
        with hub.write(Lock.repo(repo_id)) as tx:
            # Metadata of an older head must not replace those of a newer one, which may have no job.
            if refs.find(tx, repo_id, MAIN) == head:
                repositories.set_facts(tx, repo_id, facts)
                tags = repositories.tags_of(tx, [repo_id]).get(repo_id, ())
                full_text.put(tx, repo_id, str(row.ref.id), tags, split_card(readme)[1][:_SEARCHED])
                return
    raise Busy("the branch")


def _readme(hub: HubContext, tx: Read, row: RepoRow, head: Oid) -> str:
    root = stored.root_of(hub.store, tx, row.id, head)
    return _text(tx, Trees(hub.store, tx, row.id), row.id, root, RepoPath("README.md"), _CARD_LIMIT)


def _facts(hub: HubContext, tx: Read, row: RepoRow, head: Oid, readme: str) -> CardFacts:
    trees = Trees(hub.store, tx, row.id)
    root = stored.root_of(hub.store, tx, row.id, head)
    names = [node.path for _, node in zip(range(_NAMES_LIMIT), trees.walk(root, ROOT, is_deep=False), strict=False)]
    try:
        card = read_card(readme)
    except Malformed:
        # A card that cannot be read has no metadata; its commit is still valid.
        card = read_card("")
    fields = card_fields(card)
    config = _config(_text(tx, trees, row.id, root, RepoPath("config.json"), _CONFIG_LIMIT))
    found = library_tags(names) if row.type.kind.has_library else ()
    tags = tuple(dict.fromkeys((*card_tags(card, row.type), *found)))
    library = fields.library_name or next(iter(found), None)
    sdk = fields.data.get("sdk")
    return CardFacts(
        dict(fields.data) or None,
        config if row.type.kind.has_library else None,
        fields.pipeline_tag,
        library if row.type.kind.has_library else None,
        str(sdk) if sdk is not None else None,
        tags,
    )


def _text(tx: Read, trees: Trees, repo_id: int, root: Oid, path: RepoPath, limit: int) -> str:
    """Return the text of a small regular file; empty if it does not exist."""
    entry = trees.find(root, path)
    if entry is None or entry.is_folder:
        return ""
    row = objects.find(tx, repo_id, entry.oid)
    if row is None or row.kind != Kind.BLOB or row.data is None or row.size > limit:
        return ""
    return stored.content_of(row).decode("utf-8", "replace")


def _config(text: str) -> Mapping[str, Any] | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    return {key: parsed[key] for key in _CONFIG_KEYS if key in parsed} or None
