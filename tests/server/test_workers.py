from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

FACTORY = """
import os

from starlette.responses import PlainTextResponse

from entrepot.errors import ConfigError


def build(settings, worker):
    if settings == "bad":
        raise ConfigError("colour", "test", "bad is no colour")

    async def app(scope, receive, send):
        if scope["type"] == "http":
            if scope["path"] == "/state":
                state = "draining" if scope.get("state", {}).get("is_draining") else "serving"
                await PlainTextResponse(state)(scope, receive, send)
                return
            if scope["path"] == "/sleep":
                import asyncio
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(600)
            await PlainTextResponse(f"{settings} {worker} {os.getpid()}")(scope, receive, send)

    return app
"""

HUB = """
import sys

from entrepot.server.hosting import Limits
from entrepot.server.workers import Hosting, serve

_, settings, port, workers, grace, drain = sys.argv
limits = Limits(float(grace), drain_s=float(drain))
hosting = Hosting("made_up_app:build", settings, port=int(port), workers=int(workers), limits=limits)
serve(hosting, lambda address: print(address.url, flush=True))
"""


@contextlib.contextmanager
def hub(
    folder: Path, *, settings: str = "red", port: int = 0, workers: int, grace_s: float = 5, drain_s: float = 0
) -> Iterator[tuple[str, psutil.Process]]:
    (folder / "made_up_app.py").write_text(FACTORY)
    process = subprocess.Popen(
        [sys.executable, "-c", HUB, settings, str(port), str(workers), str(grace_s), str(drain_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), psutil.Process(process.pid)
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=240)
        _, alive = psutil.wait_procs(family, timeout=240)
        assert not alive, "a worker outlived its parent"


def ask(url: str) -> tuple[str, str, int]:
    settings, worker, pid = httpx2.get(url).text.split()
    return settings, worker, int(pid)


def test_one_worker_is_the_process_itself(tmp_path: Path) -> None:
    with hub(tmp_path, workers=1) as (url, process):
        assert ask(url) == ("red", "0", process.pid)
        assert process.children() == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_several_workers_share_one_port(tmp_path: Path) -> None:
    with hub(tmp_path, workers=2) as (url, process):
        expected = {child.pid for child in process.children()}
        seen: dict[int, str] = {}
        for _ in range(500):  # the kernel spreads connections by a hash
            settings, worker, pid = ask(url)
            assert settings == "red"
            seen[pid] = worker
            if len(seen) == 2:
                break
        assert set(seen) == expected
        assert set(seen.values()) == {"0", "1"}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with hub(tmp_path, workers=2) as (url, process):
        victim, other = (child.pid for child in process.children())
        os.kill(victim, signal.SIGKILL)
        for _ in range(5000):
            with contextlib.suppress(httpx2.TransportError):
                if ask(url)[2] not in (victim, other):
                    break
        else:
            pytest.fail("no new worker answered")


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    with hub(tmp_path, workers=2) as (_, process):
        children = process.children()
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=240)
        assert len(children) == 2
        assert alive == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_ends_the_grace_period(tmp_path: Path, workers: int) -> None:
    with hub(tmp_path, workers=workers, grace_s=600) as (url, process):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=240) as peer:
            peer.sendall(b"GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n")
            assert peer.recv(10)
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionError):
                while True:  # until the stop has begun
                    socket.create_connection((host, int(port)), timeout=240).close()
            assert process.is_running()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_is_told_to_stop_serves_on_until_it_is_drained(tmp_path: Path, workers: int) -> None:
    with hub(tmp_path, workers=workers, drain_s=600) as (url, process):
        with httpx2.Client() as client:
            before = client.get(f"{url}/state")
            assert (before.text, "connection" in before.headers) == ("serving", False)
            process.send_signal(signal.SIGTERM)
            while (drained := client.get(f"{url}/state")).text == "serving":
                pass
            assert drained.headers["connection"] == "close"
            assert ask(url)[0] == "red"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_drained_server_stops_by_itself(tmp_path: Path) -> None:
    with hub(tmp_path, workers=2, drain_s=0.1) as (_, process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_start_that_fails_says_why(tmp_path: Path, workers: int) -> None:
    (tmp_path / "made_up_app.py").write_text(FACTORY)
    done = subprocess.run(
        [sys.executable, "-c", HUB, "bad", "0", str(workers), "5", "0"],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "bad is no colour" in done.stderr


def test_a_second_hub_on_the_port_is_refused(tmp_path: Path) -> None:
    with hub(tmp_path, workers=1) as (url, _):
        done = subprocess.run(
            [sys.executable, "-c", HUB, "red", url.rpartition(":")[2], "1", "5", "0"],
            capture_output=True,
            text=True,
            timeout=240,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )
        assert done.returncode == 1
        assert "in use" in done.stderr
