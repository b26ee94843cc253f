from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

import entrepot.testing
from entrepot.errors import Refused
from entrepot.testing.hubs import RunningHub
from tests.support.warm_servers import cold_servers


def seen(hub: RunningHub) -> dict[str, Any]:
    """Return what a server has got from the process that started it, and what it says."""
    status = Path(f"/proc/{hub.pid}/status").read_text()
    return {
        "kernel": re.findall(r"^(?:Umask|SigBlk|SigIgn|SigCgt|NoNewPrivs|Seccomp):.*", status, re.MULTILINE),
        "is leader": os.getsid(hub.pid) == hub.pid,
        "folder": psutil.Process(hub.pid).cwd(),
        "files": [os.readlink(f"/proc/{hub.pid}/fd/{number}").replace(str(hub.data.parent), "") for number in (1, 2)],
        "says": re.sub(r"code=\S+", "", hub.log().replace(str(hub.data), "").replace(hub.url, "")),
    }


def ends(hub: RunningHub) -> list[int | None]:
    """Return the exit codes of a server that is stopped and of one that is killed."""
    found = []
    for end in (hub.stop, hub.kill):
        hub.start()
        process: Any = hub._process
        end()
        found.append(process.poll())
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the files of Linux about processes")
def test_a_warm_server_is_like_one_that_users_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with entrepot.testing.hub() as hub:
        warm, warm_ends = seen(hub), ends(hub)
        hub.start()
        assert "multiprocessing" in " ".join(psutil.Process(hub.pid).cmdline())
    with cold_servers(), entrepot.testing.hub() as hub:
        assert (seen(hub), ends(hub)) == (warm, warm_ends)
    assert warm_ends == [0, -9]


def test_it_has_the_environment_of_its_start_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ENTREPOT_WORKERS", "nonsense")
        with entrepot.testing.hub(log_format="json") as hub:
            httpx2.get(f"{hub.url}/healthz")
            hub.stop()
            assert json.loads(hub.log().splitlines()[-1])
    with entrepot.testing.hub() as hub:
        httpx2.get(f"{hub.url}/healthz")
        hub.stop()
        assert not hub.log().splitlines()[-1].startswith("{")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs the files of Linux about processes")
def test_what_it_is_copied_from_has_imported_the_server() -> None:
    with entrepot.testing.hub() as hub:
        origin = psutil.Process(hub.pid).parent()
        assert origin is not None
        assert origin.num_threads() == 1
        assert "/granian/" in Path(f"/proc/{origin.pid}/maps").read_text()


def test_it_says_why_it_does_not_start() -> None:
    # An address reserved for documentation, which no machine has (RFC 5737).
    with (
        pytest.raises(Refused, match=r"(?s)exited.*cannot listen on 203\.0\.113\.1"),
        entrepot.testing.hub(host="203.0.113.1"),
    ):
        pass
