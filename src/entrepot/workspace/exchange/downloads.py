"""Files behind web addresses, and files and folders of Google Drive, as the data of a new entity."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

import httpx2

from entrepot.client.log_redaction import redact_foreign_logs
from entrepot.client.progress import Progress
from entrepot.errors import CannotWrite, InvalidArgument, InvalidPath, ObjectsMissing, StorageUnreachable, UrlRefused
from entrepot.errors.redactions import redact
from entrepot.names import parse_path

_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_MAX_REDIRECTS = 5
_DRIVE = re.compile(
    r"https://(?:drive|docs)\.google\.com/(?:drive/(?:u/\d+/)?folders/|file/d/|open\?id=|uc\?(?:[^#]*&)?id=)"
    r"(?P<id>[A-Za-z0-9_-]{1,200})(?:[/?&#].*)?",
    re.ASCII,
)


def find_drive_id(url: str) -> str | None:
    """Return the id of the file or folder of Google Drive that an address names, or None."""
    match = _DRIVE.fullmatch(url)
    return match and match["id"]


def download_file(url: str, folder: Path, progress: Progress) -> Path:
    """Fetch the file behind an address into a folder and return its path; its name is the last part of the address.

    Raises:
        UrlRefused: the address is not one of http or https, or leads from https to http.
        ObjectsMissing: nothing is there.
        StorageUnreachable: the server refused, failed, or sent less than it announced.
        CannotWrite: the file cannot be written.
    """
    redact_foreign_logs()
    with httpx2.Client(timeout=_TIMEOUT, follow_redirects=False) as client:
        current = _checked(url)
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                with client.stream("GET", current, headers={"accept-encoding": "identity"}) as response:
                    if response.has_redirect_location:
                        current = _next(current, response.headers["location"])
                        continue
                    return _receive(response, url, folder, progress)
            except (httpx2.TransportError, httpx2.InvalidURL) as error:
                raise StorageUnreachable(redact(url), str(error) or type(error).__name__) from error
    raise StorageUnreachable(redact(url), f"it redirects more than {_MAX_REDIRECTS} times")


def _checked(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        is_usable = False
    if not is_usable:
        raise UrlRefused(redact(url), "expected http:// or https:// and a host")
    return url


def _next(url: str, location: str) -> str:
    target = _checked(urllib.parse.urljoin(url, location))
    if url.startswith("https:") and not target.startswith("https:"):
        raise UrlRefused(redact(target), "a redirection must not leave https")
    return target


def _receive(response: httpx2.Response, url: str, folder: Path, progress: Progress) -> Path:
    if response.status_code in (404, 410):
        raise ObjectsMissing(urllib.parse.urlsplit(url).hostname or "", redact(url))
    if response.status_code != 200:
        raise StorageUnreachable(redact(url), f"it answered with status {response.status_code}")
    length = response.headers.get("content-length", "")
    total = int(length) if length.isascii() and length.isdigit() else None
    place = folder / file_name(url)
    meter, received = progress.begin("download", total), 0
    try:
        with place.open("xb") as file:
            for data in response.iter_raw():
                file.write(data)
                received += len(data)
                meter.advance(len(data))
    except OSError as error:
        raise CannotWrite(str(place), error.strerror or str(error)) from error
    finally:
        meter.finish()
    if total is not None and received != total:
        raise StorageUnreachable(redact(url), f"{received:,} of {total:,} bytes came")
    return place


def file_name(url: str) -> str:
    """Return the name of the file behind an address.

    Raises:
        InvalidArgument: its last part cannot be the name of a file.
    """
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path).rpartition("/")[2] or "download"
    try:
        return str(parse_path(name))
    except InvalidPath as error:
        raise InvalidArgument(f"the address ends in {name[:100]!r}, which cannot be a file: {error}") from error
