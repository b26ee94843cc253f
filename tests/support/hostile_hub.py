"""A hub whose every text tries to run a script: names, cards, messages, comments, tables, headers of models."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import tempfile
from pathlib import Path

from entrepot.hub.accounts import accounts
from entrepot.hub.buckets import batches, buckets
from entrepot.hub.buckets.batches import EMPTY, AddToBucket
from entrepot.hub.callers import Caller
from entrepot.hub.community import access_requests, collection_items, collections, discussions
from entrepot.hub.community.collections import CollectionDraft
from entrepot.hub.context import HubContext
from entrepot.hub.files.operations import AddFile
from entrepot.hub.git import imports
from entrepot.hub.repos import branches, commits, lineage, repositories
from entrepot.hub.repos.commits import CommitDraft
from entrepot.hub.repos.lineage import LineageInput
from entrepot.hub.repos.pulls import openings
from entrepot.hub.repos.repositories import NewRepo, RepoChanges
from entrepot.hub.search import profiles
from entrepot.hub.webhooks import webhooks
from entrepot.hub.webhooks.webhooks import WebhookDraft
from entrepot.names import RepoId, RepoRef, RepoType, parse_path
from tests.support.populated_hub import PASSWORD, caller_of, commit, picture

ATTACKS = (
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</title></textarea></style><svg onload=alert(1)>",
    "javascript:alert(1)//",
    "{{ 7 * 7 }}{% raw %}",
)
WORD = "".join(ATTACKS)
"""All attacks in one text."""

TAG = "<img/src=x/onerror=alert(1)>"
"""An attack without a space."""

BODY = f"""
<script>alert(1)</script><style>*{{display:none}}</style><base href="https://evil.example/">
<img src=x onerror=alert(1)><svg><script>alert(1)</script><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">
<iframe srcdoc="<script>alert(1)</script>"></iframe><object data="data:text/html,<script>alert(1)</script>"></object>
<form action="https://evil.example/" id="csrf"><input name="csrf"><button formaction="javascript:alert(1)">x</button>
<a href="javascript:alert(1)">a</a> <a href=" &#106;avascript:alert(1)">b</a> [c](javascript:alert(1))
[d](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) [e](<vbscript:x>) ![f](https://evil.example/p.png)
![g](x.png"onerror="alert(1)) <https://evil.example/?{ATTACKS[0]}> <details open ontoggle=alert(1)>h</details>
<video><source onerror="alert(1)"></video><input autofocus onfocus=alert(1)><meta http-equiv="refresh" content="0;url=https://evil.example/">

# {WORD}

```"onload="alert(1)
{WORD}
```

| {ATTACKS[0]} | {ATTACKS[1]} |
|---|---|
| `{ATTACKS[2]}` | **{ATTACKS[3]}** |
"""


def card(body: str = BODY) -> bytes:
    """Return a card with attacks in every key that a page shows."""
    quoted = json.dumps(WORD)
    keys = ("license", "license_name", "license_link", "library_name", "pipeline_tag", "base_model", "pretty_name")
    lines = [
        *(f"{key}: {quoted}" for key in keys),
        f"tags: [{quoted}]",
        f"language: [{quoted}]",
        f"datasets: [{quoted}]",
    ]
    lines.append(
        f"model-index: [{{name: {quoted}, results: [{{task: {{type: {quoted}}}, "
        f"dataset: {{name: {quoted}, type: {quoted}}}, metrics: [{{type: {quoted}, value: {quoted}}}]}}]}}]"
    )
    lines += [f"extra_gated_prompt: {quoted}", f"extra_gated_fields: {{{quoted}: text}}"]
    return ("---\n" + "\n".join(lines) + f"\n---\n{body}").encode()


def _notebook() -> bytes:
    outputs = [
        {
            "output_type": "display_data",
            "data": dict.fromkeys(("text/html", "image/svg+xml", "text/markdown"), WORD),
        },
        {"output_type": "display_data", "data": {"image/png": f'x" onerror="alert(1){WORD}'}},
        {"output_type": "error", "ename": WORD, "evalue": WORD, "traceback": [WORD]},
        {"output_type": "stream", "text": WORD},
    ]
    cells = [
        {"cell_type": "markdown", "source": BODY},
        {"cell_type": "code", "source": WORD, "outputs": outputs},
        {"cell_type": WORD, "source": [WORD]},
    ]
    return json.dumps(
        {"nbformat": 4, "metadata": {"kernelspec": {"name": WORD, "language": WORD}}, "cells": cells}
    ).encode()


def _tensors() -> bytes:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({WORD: entry, "__metadata__": {WORD: WORD}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


def _gguf() -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    pairs = [text(key) + struct.pack("<I", 8) + text(WORD) for key in ("general.architecture", "general.name", WORD)]
    tensor = text(WORD) + struct.pack("<IQIQ", 1, 256, 12, 0)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(pairs) + tensor


def _rows() -> bytes:
    return (json.dumps({WORD: WORD, "step": 1, "loss": 0.5}) + "\n" + json.dumps({WORD: [WORD], "step": 2})).encode()


def _csv() -> bytes:
    cell = '"' + WORD.replace('"', '""') + '"'
    return f"{cell},b\n{cell},1\n".encode()


_SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script><text>{TAG}</text></svg>'
SVG = _SVG.encode()
FILES = {
    "README.md": card(),
    "x.html": f"<script>alert(1)</script>{WORD}".encode(),
    "x.svg": SVG,
    "x.xml": b'<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
    "x.md": BODY.encode(),
    "x.py": WORD.encode(),
    "x.json": json.dumps({WORD: WORD}).encode(),
    "x.ipynb": _notebook(),
    "x.safetensors": _tensors(),
    "x.gguf": _gguf(),
    "x.jsonl": _rows(),
    "metrics.jsonl": _rows(),
    "x.csv": _csv(),
    "x.png": picture(),
    "x\"onerror='alert(1)'<img src=x>.txt": WORD.encode(),
    "<img src=x onerror=alert(1)>/<b>.py": WORD.encode(),
}


def populate(hub: HubContext) -> None:
    """Fill an empty hub."""
    accounts.create_user(hub, "mallory", password=PASSWORD, fullname=WORD[:60], is_admin=True)
    accounts.create_org(hub, "evil", admin="mallory")
    mallory = caller_of(hub, "mallory")
    accounts.create_token(hub, "mallory", role="read", name=WORD[:60])
    model = repositories.create(hub, mallory, NewRepo(RepoType.MODEL, "tern", "evil")).ref
    data = repositories.create(hub, mallory, NewRepo(RepoType.DATASET, "tides", "evil")).ref
    commit(hub, mallory, model, FILES, WORD)
    commit(hub, mallory, model, {**FILES, "x.py": BODY.encode(), "x.svg": SVG + b" "}, WORD + "\n\n" + WORD)
    commit(hub, mallory, data, {"train.csv": _csv(), "README.md": card()}, WORD)
    branches.create_tag(hub, mallory, model, "main", 'v"onload=alert(1)', WORD)
    branches.create_branch(
        hub, mallory, model, "b<script>alert(1)</script>", start=None, is_empty=False, overwrites=False
    )
    _discuss(hub, mallory, model)
    inputs = [LineageInput("trained_on", RepoType.DATASET, "evil/tides", "")]
    lineage.add(hub, mallory, model, "main", inputs, WORD[:60])
    _places(hub, mallory, data)
    webhooks.create(hub, mallory, WebhookDraft(f"https://ci.example/{TAG}", [("model", "evil/tern")]))


def _parquet() -> bytes:
    """Return a table whose names of columns, of nested fields and whose cells are attacks; empty without the extra."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return b""
    held = io.BytesIO()
    pq.write_table(pa.table({WORD: [WORD, TAG], TAG: [[WORD], [TAG]], "s": [{WORD: WORD}, {WORD: TAG}]}), held)
    return held.getvalue()


def _places(hub: HubContext, mallory: Caller, data: RepoRef) -> None:
    profiles.change_profile(hub, mallory, fullname=WORD[:60], details=WORD)
    made = collections.create(hub, mallory, CollectionDraft(WORD[:50], "evil", WORD[:100], item=("model", "evil/tern")))
    collection_items.add(hub, mallory, made.slug, ("dataset", "evil/tides"), WORD)
    bucket = buckets.create(hub, mallory, "evil", "logs", "public").ref
    batches.apply(hub, mallory, bucket, [AddToBucket(parse_path('<img src=x onerror=alert(1)>/"><b>.txt'), EMPTY)])
    gated = repositories.create(hub, mallory, NewRepo(RepoType.MODEL, "gated", "evil")).ref
    repositories.configure(hub, mallory, gated, RepoChanges(gated="manual"))
    commit(hub, mallory, gated, {"README.md": card()}, WORD)
    accounts.create_user(hub, "asker", password=PASSWORD, fullname=WORD[:60])
    access_requests.request_access(hub, caller_of(hub, "asker"), gated, {WORD: WORD})
    _import(hub)
    table = _parquet()
    if table:
        commit(hub, mallory, data, {"x.parquet": table}, "Table")


def _import(hub: HubContext) -> None:
    """Import a history whose author has a name that no account can have."""
    name = f'"onmouseover="alert(1)" {ATTACKS[4]}&lt;script&gt;alert(1)'
    with tempfile.TemporaryDirectory() as folder:
        source, copy = Path(folder, "source"), Path(folder, "copy")
        source.mkdir()
        environ = {"PATH": os.environ["PATH"], "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            environ |= {f"GIT_{who}_NAME": name, f"GIT_{who}_EMAIL": 'x"onload="alert(1)'}
        (source / "a.txt").write_text(WORD)
        for line in (["init", "-q", "-b", "main"], ["add", "a.txt"], ["commit", "-q", "-m", WORD]):
            subprocess.run(["git", *line], cwd=source, env=environ, check=True)
        imports.import_repo(hub, str(source), RepoRef(RepoType.MODEL, RepoId("evil", "old")), copy, environ=environ)


def _discuss(hub: HubContext, author: Caller, model: RepoRef) -> None:
    discussions.create(hub, author, model, WORD[:150], BODY)
    discussions.comment(hub, author, model, 1, WORD)
    for text in (b"1", b"2"):
        draft = CommitDraft(WORD[:150], [AddFile(parse_path("x.py"), text)], description=BODY)
        openings.open_with_commit(hub, author, model, "main", draft)
    commits.create(hub, author, model, "main", CommitDraft("y", [AddFile(parse_path("x.py"), b"3")]))
