"""The client is killed at random moments of an upload and run again: it resumes, and the result is the same."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot import HubApi, testing
from entrepot.testing.hubs import RunningHub

KILLS = int(os.environ.get("ENTREPOT_TEST_KILLS", "3"))
TEXTS, LARGES, SIZE = 4_960, 40, 200_000
UPLOADER = Path(__file__).with_name("folder_uploader.py")
MIB = 1 << 20


class Counter:
    """Forwards connections to a hub and counts the bytes that clients send."""

    def __init__(self, hub: RunningHub) -> None:
        self._host, _, port = hub.url.removeprefix("http://").rpartition(":")
        self._port = int(port)
        self._lock = threading.Lock()
        self.sent = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection((self._host, self._port))
            for pair in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_counted: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_counted:
                    with self._lock:
                        self.sent += len(data)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    with testing.hub() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, chance = tmp_path_factory.mktemp("upload"), random.Random(2026)
    for number in range(TEXTS):
        path = made / f"part-{number % 20:02}" / f"{number:05}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{number} " * 200)
    for number in range(LARGES):
        (made / f"large-{number:02}.bin").write_bytes(chance.randbytes(SIZE))
    return made


def listing(api: HubApi, repo: str) -> dict[str, int]:
    entries = api.list_repo_tree(repo, recursive=True)
    return {item.path: item.size for item in entries if hasattr(item, "size") and item.path != ".gitattributes"}


@pytest.mark.timeout(1200)
def test_an_upload_goes_on_wherever_it_was_killed(hub: RunningHub, folder: Path, tmp_path: Path) -> None:
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }
    api, counter, chance = HubApi(hub.url, hub.token), Counter(hub), random.Random(7)
    environ = {
        **os.environ,
        "ENTREPOT_ENDPOINT": counter.url,
        "ENTREPOT_TOKEN": hub.token,
        "ENTREPOT_HOME": str(tmp_path / "home"),
        "HF_HOME": str(tmp_path / "hf-home"),
    }
    kills = finished = 0
    try:
        while kills < KILLS or finished == 0:
            verb = ("large", "folder")[finished % 2]
            repo = f"tester/killed-{finished}"
            api.create_repo(repo)
            (folder / ".cache" / "entrepot" / "uploads-1.jsonl").unlink(missing_ok=True)
            is_done = False
            while not is_done:
                there = listing(api, repo)
                missing = sum(size for path, size in sizes.items() if path not in there)
                before = counter.sent
                words = [sys.executable, str(UPLOADER), verb, repo, str(folder)]
                with subprocess.Popen(words, env=environ, stderr=subprocess.PIPE) as process:
                    try:
                        _, said = process.communicate(timeout=chance.uniform(0.3, 4) if kills < KILLS else 300)
                        assert process.returncode == 0, said.decode()
                        is_done = True
                    except subprocess.TimeoutExpired:
                        process.kill()
                        kills += 1
                # Includes base64, samples and queries; for a file that the hub has, the client only sends a query.
                assert counter.sent - before < 1.4 * missing + 2.5 * MIB
            finished += 1
            check_whole(api, repo, folder, sizes)
    finally:
        counter.close()
    print(f"{kills} kills, {finished} uploads finished")


def check_whole(api: HubApi, repo: str, folder: Path, sizes: dict[str, int]) -> None:
    """Check that everything is stored with the same digests: another upload makes no commit."""
    assert listing(api, repo) == sizes
    head = api.list_repo_commits(repo)[0].commit_id
    assert api.upload_folder(repo_id=repo, folder_path=folder).oid == head
    assert api.list_repo_commits(repo)[0].commit_id == head
