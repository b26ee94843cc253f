"""Validation of cards, with the messages that clients and their users know.

An error refuses the upload of the README, so only serious mistakes are errors.
Everything else is at most a warning, and unknown keys are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from entrepot.cards.licenses import LICENSES, is_known_license
from entrepot.cards.metadata import read_metadata
from entrepot.cards.yaml_values import JsonValue
from entrepot.errors import Malformed
from entrepot.names import RepoType

MISSING_METADATA = "empty or missing yaml metadata in repo card"

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*|code|multilingual")
_SDKS = ("gradio", "streamlit", "docker", "static")


@attrs.frozen
class Findings:
    """Messages for people; the card is accepted if ``errors`` is empty."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def validate_card(text: str, repo_type: RepoType) -> Findings:
    """Return the errors and warnings about the README of a repository; never raises.

    Source: docs/protocols/hf_api.md, section 4.1; the texts of the missing block and of the
    licence are the public hub's.
    """
    try:
        data = read_metadata(text)
    except Malformed as error:
        return Findings(errors=(error.message,))
    if not data:
        return Findings(warnings=(MISSING_METADATA,))
    errors = [*_license_errors(data.get("license"))]
    if repo_type.kind.has_library:
        errors += _index_errors(data.get("model-index"))
    return Findings(tuple(errors), tuple(_warnings(data, repo_type)))


def _license_errors(value: JsonValue) -> Iterator[str]:
    names = value if isinstance(value, list) else [value]
    if any(name not in (None, "") and not (isinstance(name, str) and is_known_license(name)) for name in names):
        yield f'"license" must be one of [{", ".join(LICENSES)}]'


def _index_errors(index: JsonValue) -> Iterator[str]:
    if index is None:
        return
    if not isinstance(index, list):
        yield '"model-index" must be an array'
        return
    for number, entry in enumerate(index[:20]):
        where = f"model-index[{number}]"
        if not isinstance(entry, dict):
            yield f'"{where}" must be of type object'
            continue
        if not isinstance(entry.get("name"), str) or not entry["name"]:
            yield f'"{where}.name" is required'
        if entry.get("results") is None:
            yield f'"{where}.results" is required'
        elif not isinstance(entry["results"], list):
            yield f'"{where}.results" must be an array'


def _warnings(data: Mapping[str, JsonValue], repo_type: RepoType) -> Iterator[str]:
    licenses = data.get("license")
    named = {str(name).lower() for name in (licenses if isinstance(licenses, list) else [licenses])}
    if "other" in named and not (data.get("license_name") or data.get("license_link")):
        yield '"license: other" should come with "license_name" and "license_link"'
    if data.get("tags") is not None and not isinstance(data["tags"], list):
        yield '"tags" should be an array'
    languages = data.get("language")
    for language in languages[:200] if isinstance(languages, list) else [languages]:
        if language is not None and not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
            yield '"language" should be an ISO 639 code, or a list of them'
            break
    if repo_type.kind.has_sdk and data.get("sdk") is not None and data["sdk"] not in _SDKS:
        yield f'"sdk" should be one of [{", ".join(_SDKS)}]'
