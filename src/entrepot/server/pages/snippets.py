"""How to use a repository: commands and code with the address of this hub and a pinned revision.

Left out is what cannot work with a hub of one's own: ``ollama pull`` speaks the protocol of Ollama's registry, and
``--hf-repo`` of llama.cpp knows no revisions; both take a GGUF file by its address or path instead.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import attrs

from entrepot.names import RepoType
from entrepot.server.pages.formats import quoted


@attrs.frozen
class UsedRepo:
    """A repository at a commit, as snippets name it.

    ``path``: of its page and of its git URL; ``library`` and ``task``: what its card says; ``gguf``: the path of a GGUF
    file; ``file``: the path of a file for the example of a single download, None: there is none; ``processor``: the
    class of transformers that prepares the inputs, None: there is none.
    """

    kind: RepoType
    id: str
    path: str
    revision: str
    library: str | None = None
    task: str | None = None
    gguf: str | None = None
    file: str | None = None
    processor: str | None = "AutoTokenizer"


@attrs.frozen
class UseSnippet:
    """Code or commands for one tool."""

    title: str
    text: str


_MODEL_CODE = {
    "transformers": (
        "from transformers import AutoModel{import_processor}\n\n"
        "repo = {id}\nrevision = {rev}\n"
        "model = AutoModel.from_pretrained(repo, revision=revision)"
        "{use_processor}"
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

_CURL = 'curl -fL -H "${HF_TOKEN:+Authorization: Bearer $HF_TOKEN}"'  # curl sends no empty header

_ADDRESS = 'import os\n\nos.environ["HF_ENDPOINT"] = {endpoint}\n\n'
_DATASET_CODE = "from datasets import load_dataset\n\ndata = load_dataset(\n    {id},\n    revision={rev},\n)"
_SNAPSHOT = (
    "from huggingface_hub import snapshot_download\n\n"
    "folder = snapshot_download(\n    {id},\n    repo_type={type},\n    revision={rev},\n{at})"
)  # fmt: skip
_JAVASCRIPT = """import {{ snapshotDownload }} from "@huggingface/hub";

const folder = await snapshotDownload({{
  repo: {{ type: {type}, name: {id} }},
  revision: {rev},
  hubUrl: {endpoint},
  accessToken: process.env.HF_TOKEN,
}});"""
_CHECKOUT = "# Once, in a checkout of entrepot: pip install "
_EXTENSION = f'{_CHECKOUT}".[metaflow]" ./integrations/metaflow\n'
_CLIENT = f"{_CHECKOUT}.\n"
_ASSET_HUB = (
    "from entrepot import ah\n\nah.login({endpoint})  # {login}\nah.download(\n    {path},\n    save_dir={name},\n)"
)
_METAFLOW = """from metaflow import FlowSpec, current, hub, step

ITEM = {{
    "repo_id": {id},
    "repo_type": {type},
    "revision": {rev},
    "endpoint": {endpoint},
    "name": "files",
}}


class Use(FlowSpec):
    @hub(load=[ITEM])
    @step
    def start(self):
        print(current.hub.loaded["files"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Use()"""
_VLLM_TASKS = frozenset(("text-generation", "image-text-to-text"))


def uses_of(repo: UsedRepo, endpoint: str) -> list[UseSnippet]:
    """Return snippets for a repository, the most specific first; each runs as it is, with the address of the hub in it.

    Asset Hub has no anonymous callers (docs/asset-hub.md), so its code says how to log in. What needs a package of this
    project says how to install it: no package index need have it.

    Args:
        endpoint: the URL of the hub; empty leaves out what needs it.
    """
    found = [*_libraries(repo, endpoint), *_servers(repo, endpoint), *_clients(repo, endpoint)]
    return [*found, *_plain_tools(repo, endpoint), *_frameworks(repo, endpoint)] if endpoint else found


def _words(repo: UsedRepo, endpoint: str) -> dict[str, str]:
    """Return the values that the templates use, as Python literals or as lines of code."""
    used = repo.processor
    name = "tokenizer" if used == "AutoTokenizer" else "processor"
    return {
        "import_processor": f", {used}" if used else "",
        "use_processor": f"\n{name} = {used}.from_pretrained(repo, revision=revision)" if used else "",
        "id": json.dumps(repo.id),
        "rev": json.dumps(repo.revision),
        "type": json.dumps(repo.kind.value),
        "timm": json.dumps(f"hf-hub:{repo.id}@{repo.revision}"),
        "endpoint": json.dumps(endpoint),
        "at": f"    endpoint={json.dumps(endpoint)},\n" if endpoint else "",
    }


def _export(endpoint: str, name: str = "HF_ENDPOINT") -> str:
    return f"export {name}={shlex.quote(endpoint)}\n" if endpoint else ""


def _url(repo: UsedRepo, endpoint: str, file: str) -> str:
    return f"{endpoint}/{repo.path}/resolve/{repo.revision}/{quoted(file)}"


def _libraries(repo: UsedRepo, endpoint: str) -> Iterator[UseSnippet]:
    """Yield code of the library that the repository is made for."""
    address, words = _ADDRESS if endpoint else "", _words(repo, endpoint)
    if repo.kind is RepoType.MODEL and repo.library in _MODEL_CODE:
        yield UseSnippet(repo.library, (address + _MODEL_CODE[repo.library]).format(**words))
    if repo.kind is RepoType.DATASET:
        yield UseSnippet("datasets", (address + _DATASET_CODE).format(**words))


def _servers(repo: UsedRepo, endpoint: str) -> Iterator[UseSnippet]:
    """Yield commands of programs that serve models."""
    if repo.kind is not RepoType.MODEL:
        return
    if repo.library == "transformers" and repo.task in _VLLM_TASKS:
        yield UseSnippet("vLLM", f"{_export(endpoint)}vllm serve {repo.id} --revision {repo.revision}")
    if repo.gguf is not None and endpoint:
        file = repo.gguf.rpartition("/")[2]
        address, local = shlex.quote(_url(repo, endpoint, repo.gguf)), shlex.quote(f"./{file}")
        yield UseSnippet("llama.cpp", f"llama-server --model-url {address}")
        yield UseSnippet(
            "Ollama",
            f"{_CURL} -o {local} {address}\n"
            f"echo {shlex.quote(f'FROM ./{file}')} > Modelfile\n"
            f"ollama create {repo.id.rpartition('/')[2].lower()} -f Modelfile",
        )


def _clients(repo: UsedRepo, endpoint: str) -> Iterator[UseSnippet]:
    """Yield code and commands that download all files."""
    flag = "" if repo.kind is RepoType.MODEL else f" --repo-type {repo.kind.value}"
    yield UseSnippet("huggingface_hub", _SNAPSHOT.format(**_words(repo, endpoint)))
    yield UseSnippet("hf", f"{_export(endpoint)}hf download {repo.id}{flag} --revision {repo.revision}")
    own = _export(endpoint, "ENTREPOT_ENDPOINT")
    yield UseSnippet("entrepot", f"{_CLIENT}{own}entrepot download {repo.id}{flag} --revision {repo.revision}")


def _plain_tools(repo: UsedRepo, endpoint: str) -> Iterator[UseSnippet]:
    """Yield commands of git and curl, and code for Node.js."""
    name = repo.path.rpartition("/")[2]
    clone = f"git lfs install\ngit clone {endpoint}/{repo.path}\ngit -C {name} checkout {repo.revision}"
    yield UseSnippet("git", clone)
    yield UseSnippet("JavaScript", _JAVASCRIPT.format(**_words(repo, endpoint)))
    if repo.file is not None:
        target = shlex.quote(repo.file.rpartition("/")[2])
        yield UseSnippet("curl", f"{_CURL} -o {target} {shlex.quote(_url(repo, endpoint, repo.file))}")
    else:
        address = f"{endpoint}/api/{repo.kind.plural}/{repo.id}/tree/{repo.revision}?recursive=true"
        yield UseSnippet("curl", f"{_CURL} {shlex.quote(address)}")


def _frameworks(repo: UsedRepo, endpoint: str) -> Iterator[UseSnippet]:
    """Yield code of the frameworks that this hub serves too."""
    words = _words(repo, endpoint)
    yield UseSnippet("Metaflow", _EXTENSION + _METAFLOW.format(**words))
    if repo.kind in (RepoType.MODEL, RepoType.DATASET):
        namespace, _, name = repo.id.partition("/")
        owner, _, folder = namespace.partition(".")
        path = f"/{owner}/t9k-assethub/{repo.kind.value}/{folder or '~'}/{name}:{repo.revision}"
        login = f"after: entrepot login --endpoint {shlex.quote(endpoint)}"
        words |= {"path": json.dumps(path), "name": json.dumps(name), "login": login}
        yield UseSnippet("Asset Hub", _CLIENT + _ASSET_HUB.format(**words))
