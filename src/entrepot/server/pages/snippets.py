"""How to use a repository: commands and code with the address of this hub and a pinned revision."""

from __future__ import annotations

import json
import shlex

import attrs

from entrepot.names import RepoType


@attrs.frozen
class UseSnippet:
    """Code or commands for one tool."""

    title: str
    text: str


_MODEL_CODE = {
    "transformers": (
        "from transformers import AutoModel, AutoTokenizer\n\n"
        "repo = {id}\nrevision = {rev}\n"
        "model = AutoModel.from_pretrained(repo, revision=revision)\n"
        "tokenizer = AutoTokenizer.from_pretrained(repo, revision=revision)"
    ),
    "diffusers": (
        "from diffusers import DiffusionPipeline\n\n"
        "pipe = DiffusionPipeline.from_pretrained(\n    {id},\n    revision={rev},\n)"
    ),
    "sentence-transformers": (
        "from sentence_transformers import SentenceTransformer\n\n"
        "model = SentenceTransformer(\n    {id},\n    revision={rev},\n)"
    ),
    "peft": (
        "from peft import AutoPeftModel\n\n"
        "model = AutoPeftModel.from_pretrained(\n    {id},\n    revision={rev},\n)"
    ),
    "timm": "import timm\n\nmodel = timm.create_model(\n    {timm},\n    pretrained=True,\n)",
}  # fmt: skip
"""Code of the libraries that a model names; ``{id}`` and ``{rev}`` become Python strings.

Libraries read the address of the hub when they are imported.
"""

_ADDRESS = 'import os\n\nos.environ["HF_ENDPOINT"] = {endpoint}\n\n'

_DATASET_CODE = "from datasets import load_dataset\n\ndata = load_dataset(\n    {id},\n    revision={rev},\n)"
_SNAPSHOT = (
    "from huggingface_hub import snapshot_download\n\n"
    "folder = snapshot_download(\n    {id},\n    repo_type={type},\n    revision={rev},\n{at})"
)  # fmt: skip


def uses_of(
    kind: RepoType, repo_id: str, path: str, library: str | None, revision: str, endpoint: str
) -> list[UseSnippet]:
    """Return snippets for a repository, the most specific first; each runs as it is, with the address of the hub in it.

    Args:
        path: the path of its page and of its git URL.
        endpoint: the URL of the hub; empty leaves out what needs it.
    """
    words = {
        "id": json.dumps(repo_id),
        "rev": json.dumps(revision),
        "type": json.dumps(kind.value),
        "timm": json.dumps(f"hf-hub:{repo_id}@{revision}"),
        "endpoint": json.dumps(endpoint),
        "at": f"    endpoint={json.dumps(endpoint)},\n" if endpoint else "",
    }
    address = _ADDRESS if endpoint else ""
    found = []
    if kind is RepoType.MODEL and library in _MODEL_CODE:
        found.append(UseSnippet(library, (address + _MODEL_CODE[library]).format(**words)))
    if kind is RepoType.DATASET:
        found.append(UseSnippet("datasets", (address + _DATASET_CODE).format(**words)))
    type_flag = "" if kind is RepoType.MODEL else f" --repo-type {kind.value}"
    found.append(UseSnippet("huggingface_hub", _SNAPSHOT.format(**words)))
    export = f"export HF_ENDPOINT={shlex.quote(endpoint)}\n" if endpoint else ""
    found.append(UseSnippet("hf", f"{export}hf download {repo_id}{type_flag} --revision {revision}"))
    if endpoint:
        found.append(UseSnippet("git", f"git clone {endpoint}/{path}"))
    return found
