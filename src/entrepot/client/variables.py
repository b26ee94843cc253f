"""Environment variables of the client, and the ``HF_*`` variables that substitute for unset ones."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping

import attrs

ENDPOINT, TOKEN = "ENTREPOT_ENDPOINT", "ENTREPOT_TOKEN"

STAND_INS: Mapping[str, tuple[str, ...]] = {
    ENDPOINT: ("HF_ENDPOINT",),
    TOKEN: ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    "ENTREPOT_OFFLINE": ("HF_HUB_OFFLINE",),
    "ENTREPOT_DISABLE_PROGRESS": ("HF_HUB_DISABLE_PROGRESS_BARS",),
    "ENTREPOT_DISABLE_XET": ("HF_HUB_DISABLE_XET",),
    "ENTREPOT_ETAG_TIMEOUT": ("HF_HUB_ETAG_TIMEOUT",),
    "ENTREPOT_DOWNLOAD_TIMEOUT": ("HF_HUB_DOWNLOAD_TIMEOUT",),
}
"""Variables of entrepot, each with the variables that are read if it is unset or empty.

Variables with paths are not included, because the layouts of the two clients differ.
Source: huggingface_hub 2.4.0, ``constants.py``.
"""


@attrs.frozen
class Variables:
    """The effective values under entrepot's names; ``sources`` maps each name to the variable it was read from."""

    values: Mapping[str, str]
    sources: Mapping[str, str]

    def source(self, name: str) -> str:
        """Return the variable that a value was read from."""
        return self.sources.get(name, name)


def variables(environ: Mapping[str, str]) -> Variables:
    """Return the variables of the client; an empty variable counts as unset.

    ``HF_TOKEN`` is not read if ``HF_ENDPOINT`` names another hub than
    ``ENTREPOT_ENDPOINT``, because it is a token for that hub.
    """
    values = {name: value for name, value in environ.items() if name.startswith("ENTREPOT_") and value}
    sources = {name: name for name in values}
    for name, others in STAND_INS.items():
        found = next((other for other in others if environ.get(other)), None)
        if name in values or found is None or (name == TOKEN and _is_elsewhere(environ)):
            continue
        values[name], sources[name] = environ[found], found
    return Variables(values, sources)


def _is_elsewhere(environ: Mapping[str, str]) -> bool:
    ours, theirs = environ.get(ENDPOINT), environ.get("HF_ENDPOINT")
    return bool(ours and theirs) and _plain(ours or "") != _plain(theirs or "")


def _plain(address: str) -> tuple[str, str | None, str, str]:
    parts = urllib.parse.urlsplit(address.strip())
    return parts.scheme.lower(), parts.hostname, parts.netloc.rpartition(":")[2], parts.path.rstrip("/")
