"""A hub that has something on each page: repositories of every type, people, discussions, folders and collections."""

from __future__ import annotations

import json
import struct
import zlib

from entrepot.hub.accounts import accounts, avatars, invitations
from entrepot.hub.buckets import batches, buckets
from entrepot.hub.buckets.batches import EMPTY, AddToBucket
from entrepot.hub.callers import Caller, Role
from entrepot.hub.community import access_requests, collection_items, collections, discussions
from entrepot.hub.community.collections import CollectionDraft
from entrepot.hub.context import HubContext
from entrepot.hub.files.operations import AddFile
from entrepot.hub.folders import folders, grants
from entrepot.hub.folders.folders import FolderDraft, FolderId
from entrepot.hub.folders.grants import Subject
from entrepot.hub.repos import branches, commits, lineage, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.lineage import LineageInput
from entrepot.hub.repos.pulls import merges, openings
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookDraft
from entrepot.names import RepoId, RepoRef, RepoType, parse_path

PASSWORD = "correct horse"
PEOPLE = {"chief": None, "wendy": Role.WRITE, "rick": Role.READ, "owen": Role.ADMIN}
"""Users and their roles in the organisation ``acme``; ``chief`` is an administrator of the hub."""

CARD = b"""---
license: mit
library_name: transformers
pipeline_tag: text-generation
tags: [harbour]
model-index:
- name: tern
  results: [{task: {type: other}, dataset: {name: d, type: d}, metrics: [{type: accuracy, value: 0.5}]}]
---
# Tern

A [guide](docs/guide.md), ![a picture](pictures/tern.png) and a list:

A drawing: ![a drawing](pictures/tern.svg)

A claim[^source] that is repeated[^source].

[^source]: What it rests on.

* `code` and **strong**
* a very-long-name-without-any-place-where-it-could-be-broken-in-two-that-is-wider-than-a-telephone

| step | loss | a wide column | another wide column | a third wide column |
|---|---|---|---|---|
| 1 | 0.5 | xxxxxxxxxxxxxxx | yyyyyyyyyyyyyyyyyyyyy | zzzzzzzzzzzzzzzzzzzz |

```python
from transformers import AutoModel  # a line of code that is wider than a telephone, which scrolls inside its box
```

## Use

### a-very-long-heading-without-any-place-where-it-could-be-broken-in-two

## Limits
"""


def picture() -> bytes:
    """Return a PNG file of 2 by 2 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0\x10\x80\x90\x10\x80\x90" * 2)
    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tensors(*shape: int) -> bytes:
    """Return a safetensors file with one tensor of zeros."""
    size = 4
    for extent in shape:
        size *= extent
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}
    header = json.dumps({"model.layers.0.weight": entry, "__metadata__": {"format": "pt"}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


CELLS = [
    {"cell_type": "markdown", "source": "# Notes"},
    {"cell_type": "code", "source": "1 + 1", "outputs": [{"output_type": "stream", "text": "2"}]},
]
FILES = {
    "README.md": CARD,
    "docs/guide.md": b"# Guide\n\n[back](../README.md)\n",
    "pictures/tern.png": picture(),
    "pictures/tern.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="36"><path d="M4 4h28v28z"/></svg>\n',
    "config.json": b'{"model_type": "tern"}\n',
    "train.py": b"import os\n\n\nprint(os.getcwd(), 'a line that is wider than a telephone, surely, in every font')\n",
    "model.safetensors": tensors(2, 2),
    "notes.ipynb": json.dumps({"nbformat": 4, "metadata": {}, "cells": CELLS}).encode(),
    "metrics.jsonl": b'{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n',
    "weights.bin": bytes(1_000),
}
WIDE_TABLE = f"| a | b |\n|---|---|\n| {'words ' * 20} | `{'wide' * 20}` |"
LONG_WORD = f"Endless {'wordwithoutend' * 40}"
LONG_TITLE = "A title of many words " * 40
TABLE = b"name,count,text\n" + b"".join(b"row %d,%d,some words\n" % (number, number) for number in range(150))


def commit(hub: HubContext, by: Caller, ref: RepoRef, files: dict[str, bytes], title: str) -> str:
    """Commit files to the main branch."""
    operations = [AddFile(parse_path(path), data) for path, data in files.items()]
    return commits.create(hub, by, ref, "main", CommitDraft(title, operations)).oid


def caller_of(hub: HubContext, name: str) -> Caller:
    """Return a user as the caller of use cases."""
    found = hub.identify(accounts.create_token(hub, name, role="write", name="script").secret)
    assert found is not None
    return found


def populate(hub: HubContext) -> None:
    """Fill an empty hub."""
    accounts.create_user(hub, "chief", password=PASSWORD, is_admin=True, fullname="Chief of the hub")
    accounts.create_org(hub, "acme", admin="chief")
    for name, role in PEOPLE.items():
        if role is not None:
            accounts.create_user(hub, name, password=PASSWORD)
            accounts.set_member(hub, "acme", name, role)
    accounts.create_user(hub, "ines", password=PASSWORD)
    owen, wendy = caller_of(hub, "owen"), caller_of(hub, "wendy")
    avatars.change(hub, owen, None, picture())
    invitations.invite(hub, owen, "acme", "ines", "read")
    model, data = _repos(hub, owen)
    _discuss(hub, wendy, model)
    _places(hub, owen, model, data)


def _repos(hub: HubContext, owen: Caller) -> tuple[RepoRef, RepoRef]:
    model = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "tern", "acme")).ref
    data = repositories.create(hub, owen, NewRepo(RepoType.DATASET, "tides", "acme")).ref
    space = repositories.create(hub, owen, NewRepo(RepoType.SPACE, "demo", "acme", sdk="static")).ref
    secret = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "secret", "acme", "private")).ref
    gated = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "gated", "acme")).ref
    old = repositories.create(hub, owen, NewRepo(RepoType.MODEL, "shelved", "acme")).ref
    discussions.create(hub, owen, old, "A question", "Is it maintained?")
    repositories.configure(hub, owen, old, RepoChanges(archived=True))
    repositories.create(hub, owen, NewRepo(RepoType.MODEL, "empty", "acme", is_empty=True))
    commit(hub, owen, model, FILES, "First files")
    branches.create_tag(hub, owen, model, "main", "v1", "the first")
    changed = {"README.md": CARD.replace(b"0.5}]", b"0.75}]"), "model.safetensors": tensors(2, 3)}
    commit(hub, owen, model, {**changed, "pictures/tern.png": picture() + b"\0"}, "Better")
    commit(hub, owen, data, {"data/train.csv": TABLE, "README.md": b"# Tides\n"}, "Data")
    commit(hub, owen, data, {"data/train.csv": TABLE.replace(b"row 7,7", b"row 7,8")}, "One row changed")
    commit(hub, owen, space, {"index.html": b"<p>demo</p>", "README.md": LONG_WORD.encode()}, LONG_TITLE)
    commit(hub, owen, secret, {"a.txt": b"hidden\n"}, "Hidden")
    repositories.configure(hub, owen, gated, RepoChanges(gated="manual"))
    made_from = b"---\nbase_model: [acme/tern, other/a-base-model-that-is-not-here]\n---\n"
    commit(hub, owen, gated, {"a.txt": b"for some\n", "README.md": made_from}, "For some")
    return model, data


def _discuss(hub: HubContext, wendy: Caller, model: RepoRef) -> None:
    discussions.create(hub, wendy, model, "A question", "Why *this*?[^1]\n\n[^1]: A note.")
    discussions.comment(hub, wendy, model, 1, f"Because.\n\n```\ncode\n```\n\n{WIDE_TABLE}")
    for title, text in (("Better words", b"import sys\n"), ("Other words", b"import re\n")):
        draft = CommitDraft(title, [AddFile(parse_path("train.py"), text)])
        openings.open_with_commit(hub, wendy, model, "main", draft)
    merges.merge(hub, wendy, model, 2)
    gated = RepoRef(RepoType.MODEL, RepoId("acme", "gated"))
    access_requests.request_access(hub, caller_of(hub, "ines"), gated, {})


def _places(hub: HubContext, owen: Caller, model: RepoRef, data: RepoRef) -> None:
    inputs = [LineageInput("trained_on", RepoType.DATASET, "acme/tides", "")]
    lineage.add(hub, owen, model, "main", inputs, "run 7")
    made = collections.create(hub, owen, CollectionDraft("Birds", "acme", "All birds", item=("model", "acme/tern")))
    collection_items.add(hub, owen, made.slug, ("dataset", "acme/tides"), "what it was trained on")
    folders.create(hub, owen, FolderDraft(RepoType.MODEL, "llm", "acme"))
    grants.grant(hub, owen, FolderId(RepoType.MODEL, "acme", "llm"), Subject(user="ines"), "view")
    bucket = buckets.create(hub, owen, "acme", "logs", "public").ref
    batches.apply(hub, owen, bucket, [AddToBucket(path, EMPTY) for path in ("a.txt", "runs/1.txt")])
    webhooks.create(hub, owen, WebhookDraft("https://ci.example/hook", [("model", "acme/tern")]))
    chief = caller_of(hub, "chief")
    # Nothing is sent to it: it is no public address.
    webhooks.ping(hub, chief, webhooks.create(hub, chief, WebhookDraft("http://127.0.0.1:9/", [("org", "acme")])).uid)
