"""``entrepot env`` and ``entrepot doctor``: local configuration, and a check of the connection to the hub."""

from __future__ import annotations

import email.utils
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import click

import entrepot
from entrepot.cli.client.options import HubClient, hub_options
from entrepot.cli.reports import show, show_json
from entrepot.cli.results import json_option
from entrepot.client.calls import Call, Response
from entrepot.errors import EntrepotError

MAX_SKEW_S = 60.0
"""Maximum difference of the two clocks in seconds: signed links are valid for minutes."""

_LIBRARIES = ("httpx2", "hf_xet", "msgspec", "tqdm", "fsspec", "huggingface_hub")
_SMALL, _LARGE = 1_000, 12 << 20
_HANDSHAKE_S = 10


@attrs.frozen
class CheckResult:
    """The result of one check; ``is_well`` is None if the check was skipped or is informational."""

    name: str
    is_well: bool | None
    text: str


@click.command(short_help="Print versions, paths and settings.")
@json_option
@hub_options
def env(client: HubClient, as_json: bool) -> None:
    """Print versions, paths and settings without secrets; add the output to bug reports.

    \b
    Example:
      entrepot env
    """
    from entrepot.client.variables import ENDPOINT, TOKEN, variables

    places, read = client.places, variables(client.session.environ)
    logged_in = client.hub.token is not None
    by_variable = places.token_for(client.hub.endpoint) is not None
    token_from = "--token" if client.token else read.source(TOKEN) if by_variable else "the last login"
    rows: dict[str, object] = {
        "entrepot": entrepot.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "endpoint": client.endpoint or places.endpoint,
        "endpoint_from": "--endpoint" if client.endpoint else read.sources.get(ENDPOINT, "default"),
        "is_logged_in": logged_in,
        "token_from": token_from if logged_in else None,
        "cache": str(places.cache),
        "tokens": str(places.tokens),
        "is_offline": places.is_offline,
        "variables": ", ".join(sorted(read.sources.values())) or None,
        "git": _version_of("git"),
        "git_lfs": _version_of("git-lfs"),
        **{name: _installed(name) for name in _LIBRARIES},
    }
    if as_json:
        show_json(rows)
        return
    for name, value in rows.items():
        show(f"{name + ':':17} {'-' if value is None else value}")


@click.command(short_help="Check the connection to the hub.")
@click.option("--no-upload", is_flag=True, help="Skip the test upload and download.")
@json_option
@hub_options
def doctor(client: HubClient, no_upload: bool, as_json: bool) -> int:
    """Check the hub, the token, the clock, versions, and an upload and download.

    The last check creates a private repository and deletes it again. The exit
    code is 1 if a check fails.

    \b
    Example:
      entrepot doctor --json
    """
    findings: list[CheckResult] = []
    for finding in run_checks(client, tries_upload=not no_upload):
        findings.append(finding)
        if not as_json:
            mark = {True: "ok", False: "WRONG", None: "-"}[finding.is_well]
            show(f"{mark:6} {finding.name}: {finding.text}")
    if as_json:
        show_json([attrs.asdict(finding) for finding in findings])
    return 1 if any(finding.is_well is False for finding in findings) else 0


def run_checks(client: HubClient, *, tries_upload: bool) -> Iterator[CheckResult]:
    """Yield the results, one check after the other; checks that depend on a failed one are left out."""
    yield CheckResult("versions", None, _versions())
    yield _cache(client)
    yield from _t9k()
    reached = _try("hub", lambda: _reach(client))
    yield reached
    if not reached.is_well:
        return
    certificate = _certificate(client)
    if certificate is not None:
        yield certificate
    yield _try("clock", lambda: _clock(client))
    known = _try("token", lambda: _token(client))
    yield known
    is_refused = certificate is not None and certificate.is_well is False  # hf_xet would try again for minutes
    if tries_upload and not is_refused and known.is_well and "may write" in known.text:
        yield from _round_trip(client)


def _reach(client: HubClient) -> CheckResult:
    began = time.monotonic()
    hub = client.anonymous
    hub.send(Call("GET", "/api/models", _nothing, query=(("limit", "1"),)))
    took_ms = (time.monotonic() - began) * 1000
    return CheckResult("hub", True, f"{hub.endpoint} responds in {took_ms:.0f} ms")


def _certificate(client: HubClient) -> CheckResult | None:
    """Return whether hf_xet accepts the kind of certificate that the hub shows; None without TLS or without Xet."""
    import ssl

    from entrepot.server.certificates import is_authority

    parts = urllib.parse.urlsplit(client.hub.endpoint)
    if parts.scheme != "https" or parts.hostname is None or client.places.disable_xet:
        return None
    try:
        shown = ssl.get_server_certificate((parts.hostname, parts.port or 443), timeout=_HANDSHAKE_S)
        is_refused = is_authority(ssl.PEM_cert_to_DER_cert(shown))
    except (OSError, ValueError) as error:  # for example if only a proxy reaches the hub
        return CheckResult("certificate", None, f"not read: {error}")
    if not is_refused:
        return CheckResult("certificate", True, "hf_xet accepts certificates of this kind")
    cure = "create it with basicConstraints=CA:FALSE, or upload without Xet (ENTREPOT_DISABLE_XET=1)"
    return CheckResult("certificate", False, f"hf_xet refuses the hub's certificate, which is an authority's; {cure}")


def _clock(client: HubClient) -> CheckResult:
    before = time.time()
    date = client.anonymous.send(Call("GET", "/api/models", _date, query=(("limit", "1"),)))
    if date is None:
        return CheckResult("clock", None, "the hub does not send its time")
    skew = email.utils.parsedate_to_datetime(date).timestamp() - (before + time.time()) / 2
    # A date has whole seconds.
    if abs(skew) <= MAX_SKEW_S + 1:
        return CheckResult("clock", True, "this computer and the hub agree")
    word = "behind" if skew > 0 else "ahead of"
    cure = "signed links will be refused: set the clock of this computer, or of the hub"
    return CheckResult("clock", False, f"this computer is {abs(skew):.0f} s {word} the hub; {cure}")


def _token(client: HubClient) -> CheckResult:
    from entrepot.client.calls import accounts

    hub = client.hub
    if hub.token is None:
        return CheckResult("token", None, "not logged in: run 'entrepot login'")
    found = hub.send(accounts.whoami())
    role = found.auth.role
    what = "may only read" if role == "read" else f"may write ({role})"
    return CheckResult("token", True, f"{found.name}, with the token {found.auth.token_name!r}, which {what}")


def _round_trip(client: HubClient) -> Iterator[CheckResult]:
    """Create a private repository, upload a small and a large file, download them, and delete it."""
    api = client.api
    try:
        repo = api.create_repo(f"doctor-{uuid.uuid4().hex[:12]}", private=True).repo_id
    except EntrepotError as error:
        yield CheckResult("repository", False, str(error))
        return
    try:
        for name, size in (("small file", _SMALL), ("large file", _LARGE)):
            data = os.urandom(size)

            def there_and_back(name: str = name, data: bytes = data) -> CheckResult:
                return _send_and_fetch(client, repo, name, data)

            yield _try(name, there_and_back)
    finally:
        done = _try("cleaning up", lambda: _drop(client, repo))
    if not done.is_well:
        yield done


def _send_and_fetch(client: HubClient, repo: str, name: str, data: bytes) -> CheckResult:
    api, path = client.api, name.replace(" ", ".")
    began = time.monotonic()
    api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=repo)
    sent = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="entrepot-doctor-") as folder:
        fetched = Path(api.hf_hub_download(repo, path, local_dir=folder)).read_bytes()
    took = time.monotonic() - sent
    if fetched != data:
        return CheckResult(name, False, "the downloaded files differ from the uploaded ones")
    return CheckResult(name, True, f"{len(data):,} bytes sent in {sent - began:.2f} s, fetched in {took:.2f} s")


def _drop(client: HubClient, repo: str) -> CheckResult:
    client.api.delete_repo(repo)
    return CheckResult("cleaning up", True, "done")


def _nothing(_answer: Response) -> None:
    """Ignore the response; a successful status is enough."""


def _date(answer: Response) -> str | None:
    return answer.headers.get("date")


def _try(name: str, check: Callable[[], CheckResult]) -> CheckResult:
    try:
        return check()
    except EntrepotError as error:
        return CheckResult(name, False, str(error))


def _cache(client: HubClient) -> CheckResult:
    folder = client.places.cache
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return CheckResult(
            "cache", False, f"cannot write to {folder}: {error.strerror}; name another with ENTREPOT_CACHE"
        )
    return CheckResult("cache", True, f"{folder}, with {free / 2**30:.1f} GiB free")


def _t9k() -> Iterator[CheckResult]:
    """Say which package ``t9k`` Python imports, if there is one."""
    found = importlib.util.find_spec("t9k")
    if found is None:
        return
    where = os.path.dirname(found.origin or "") or "unknown"
    is_ours = os.path.exists(os.path.join(where, "ah", "core.py")) and _installed_distribution("entrepot-t9k")
    what = "entrepot-t9k, which uses this hub" if is_ours else "another SDK, whose scripts do not use this hub"
    yield CheckResult("t9k", None, f"'import t9k' is {what} ({where})")


def _installed_distribution(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _versions() -> str:
    xet = _installed("hf_xet")
    how = f"hf_xet {xet}" if xet else "without hf_xet: large files go through LFS"
    return f"entrepot {entrepot.__version__}, Python {platform.python_version()}, {how}"


def _installed(name: str) -> str | None:
    if importlib.util.find_spec(name) is None:
        return None
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "?"


def _version_of(program: str) -> str | None:
    import subprocess

    path = shutil.which(program)
    if path is None:
        return None
    found = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found above
    return found.stdout.strip() or None
