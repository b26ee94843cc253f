"""READMEs of entities on hubs: the front matter says what the spec says, so that the hub can show and find it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.cards import EvalResult, eval_results_to_model_index, parse_metadata, split_card, with_metadata
from entrepot.errors import Malformed
from entrepot.names import RepoRef, RepoType
from entrepot.workspace.entities.specs import Spec

_OWN = "entrepot"


def render_readme(text: str, spec: Spec, linked: Mapping[str, RepoRef]) -> str:
    """Return a README whose front matter has the categories, metrics and links of a spec; other keys stay.

    Args:
        linked: the repositories of linked entities on the same hub, by the root key of their kind.

    Raises:
        Malformed: the README has a front matter that is not YAML.
    """
    block, _ = split_card(text)
    data: dict[str, Any] = dict(parse_metadata(block) if block is not None else {})
    old = data.get(_OWN)
    before = old if isinstance(old, dict) else {}
    tags = [tag for tag in _texts(data.get("tags")) if tag not in _texts(before.get("categories"))]
    data["tags"] = [*spec.identity.categories, *(tag for tag in tags if tag not in spec.identity.categories)]
    ids = [str(ref.id) for ref in linked.values() if ref.type is RepoType.DATASET]
    kept = [name for name in _texts(data.get("datasets")) if name not in (*ids, *_texts(before.get("linked")))]
    if ids or kept:
        data["datasets"] = [*ids, *kept]
    else:
        data.pop("datasets", None)
    if spec.kind.word == "models" and spec.metrics:
        data["model-index"] = _model_index(spec)
    own: dict[str, Any] = {"kind": spec.kind.word, "categories": list(spec.identity.categories)}
    data[_OWN] = own | ({"name": spec.name} if spec.repository else {}) | ({"linked": ids} if ids else {})
    if data == parse_metadata(block or ""):
        return text
    return with_metadata(text, data)


def kind_of(card: object) -> str | None:
    """Return the kind of entities that the metadata of a README name, or None."""
    own = card.get(_OWN) if isinstance(card, Mapping) else None
    kind = own.get("kind") if isinstance(own, Mapping) else None
    return kind if isinstance(kind, str) else None


def name_of(card: object) -> str | None:
    """Return the name of the entity in the metadata of a README; None if it is the name of the repository."""
    own = card.get(_OWN) if isinstance(card, Mapping) else None
    name = own.get("name") if isinstance(own, Mapping) else None
    return name if isinstance(name, str) else None


def readme_text(content: bytes) -> str:
    """Return the text of a README.

    Raises:
        Malformed: it is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("README.md", "it is not UTF-8") from error


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _model_index(spec: Spec) -> list[dict[str, Any]]:
    link = spec.link("dataset")
    name = link.tag if link is not None else "unknown"
    results = [
        EvalResult(task_type="other", dataset_type="unknown", dataset_name=name, metric_type=metric, metric_value=value)
        for metric, value in spec.metrics.items()
    ]
    return eval_results_to_model_index(spec.name, results)
