"""Download the large files of an http(s) source with guarded requests.

Source: git-lfs, docs/api/batch.md and docs/api/basic-transfers.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from entrepot.errors import Refused, StoreUnavailable
from entrepot.git.pointers import Pointer, parse_pointer
from entrepot.hub.git import guarded_http
from entrepot.hub.git.import_sources import HINT, ImportSource
from entrepot.storage import processes

_BATCH = 100
_PIECE = 1 << 20
_MAX_ANSWER = 8 << 20
_MEDIA = "application/vnd.git-lfs+json"


def pointers_of(listing: bytes) -> list[Pointer]:
    """Return the pointers, without duplicates, in the output of ``git cat-file --batch``."""
    found: dict[Pointer, None] = {}
    at = 0
    while at < len(listing):
        end = listing.index(b"\n", at)
        words = listing[at:end].split()
        if len(words) != 3:
            at = end + 1
            continue
        size = int(words[2])
        if words[1] == b"blob" and (pointer := parse_pointer(listing[end + 1 : end + 1 + size])) is not None:
            found[pointer] = None
        at = end + 1 + size + 1
    return list(found)


def configured_endpoint(folder: Path) -> str | None:
    """Return the endpoint that ``.lfsconfig`` in a clone names; None if it names none."""
    wanted = r"(^|\.)lfsurl$|^lfs\.url$"
    try:
        output = processes.run(folder, ["config", "--blob", "HEAD:.lfsconfig", "--get-regexp", wanted])
    except StoreUnavailable:  # git fails if the file or the setting does not exist
        return None
    line = output.decode("utf-8", "replace").strip().split("\n")[0]
    return line.partition(" ")[2] or None


def fetch(source: ImportSource, folder: Path, pointers: Sequence[Pointer]) -> None:
    """Download large files to their places in git-lfs's storage of a clone.

    Raises:
        Refused: the server refuses one of them, sends other bytes, or leads to an address that is not public.
    """
    parts = urlsplit(source.url)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    endpoint = configured_endpoint(folder) or f"{plain if plain.endswith('.git') else plain + '.git'}/info/lfs"
    is_own = guarded_http.origin_of(endpoint) == guarded_http.origin_of(plain)
    login = _authorization(source, folder) if is_own else {}
    for at in range(0, len(pointers), _BATCH):
        for pointer, href, headers in _ask(endpoint, pointers[at : at + _BATCH], login):
            _download(pointer, guarded_http.resolve(endpoint, href), headers, folder)


def object_path(folder: Path, sha256: str) -> Path:
    """Return the path at which git-lfs stores a large file of a bare clone."""
    return folder / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256


def _ask(
    endpoint: str, pointers: Sequence[Pointer], login: Mapping[str, str]
) -> Iterator[tuple[Pointer, str, dict[str, str]]]:
    wanted = {pointer.sha256: pointer for pointer in pointers}
    objects = [{"oid": pointer.sha256, "size": pointer.size} for pointer in pointers]
    body = json.dumps({"operation": "download", "transfers": ["basic"], "objects": objects}).encode()
    headers = {"Accept": _MEDIA, "Content-Type": _MEDIA, **login}
    with guarded_http.request("POST", f"{endpoint.rstrip('/')}/objects/batch", headers, body, hint=HINT) as answer:
        if answer.status != 200:
            raise Refused(f"the source does not provide its large files: HTTP {answer.status}")
        said = bytearray()
        while len(said) < _MAX_ANSWER and (piece := answer.read(_MAX_ANSWER - len(said))):
            said += piece
    try:
        for item in json.loads(said)["objects"]:
            action = item.get("actions", {}).get("download")
            pointer = wanted.pop(item["oid"])
            if action is None:
                raise Refused(f"the source does not provide the large file {pointer.sha256}")
            yield pointer, str(action["href"]), {str(k): str(v) for k, v in (action.get("header") or {}).items()}
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise Refused("the source's response to a request for large files is malformed") from error
    if wanted:
        raise Refused(f"the source does not provide the large file {next(iter(wanted))}")


def _download(pointer: Pointer, href: str, headers: Mapping[str, str], folder: Path) -> None:
    sha256 = pointer.sha256
    place = object_path(folder, sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with guarded_http.request("GET", href, headers, hint=HINT) as answer, place.open("wb") as file:
        if answer.status != 200:
            raise Refused(f"the large file {sha256} cannot be downloaded: HTTP {answer.status}")
        while size <= pointer.size and (piece := answer.read(_PIECE)):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    if size != pointer.size or digest.hexdigest() != sha256:
        place.unlink()
        raise Refused(f"the source sends other bytes for the large file {sha256}")


def _authorization(source: ImportSource, folder: Path) -> dict[str, str]:
    """Return the credentials in the URL, or from git's credential helpers."""
    parts = urlsplit(source.url)
    user, password = parts.username, parts.password
    if password is None:
        asked = f"protocol={parts.scheme}\nhost={parts.netloc.rpartition('@')[2]}\npath={parts.path[1:]}\n\n"
        done = subprocess.run(
            ["git", "-c", "credential.interactive=false", "credential", "fill"],  # noqa: S607 - the operator's own git
            cwd=folder,
            env={**source.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"},
            input=asked.encode(),
            capture_output=True,
            check=False,
        )
        lines = dict(line.split("=", 1) for line in done.stdout.decode("utf-8", "replace").splitlines() if "=" in line)
        user, password = lines.get("username"), lines.get("password")
    if not user or not password:
        return {}
    pair = f"{unquote(user)}:{unquote(password)}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
