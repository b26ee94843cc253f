from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import httpx2
import msgspec
import pytest

from entrepot.cli.serving import decode_settings, encode_settings, serve
from entrepot.hub.accounts import accounts
from entrepot.hub.context import HubContext, open_hub
from entrepot.hub.jobs import handlers
from entrepot.hub.repos import repositories
from entrepot.hub.repos.repositories import NewRepo
from entrepot.names import RepoType
from entrepot.settings import SETTINGS, Settings
from tests.support import warm_commands
from tests.support.certificates import Pems
from tests.support.commands import Run
from tests.support.postgres import PostgresServer
from tests.support.recurring_jobs import RECURRING
from tests.support.warm_commands import Command

WAIT_S = 240.0
LISTENING = "entrepot listening on "


@attrs.frozen
class Served:
    """A server process that accepts connections."""

    process: subprocess.Popen[str]
    said: str
    url: str
    log: Path

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


def environ(**variables: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")} | variables


AS_USERS_DO = ("-m", "entrepot")


@contextlib.contextmanager
def process(
    *args: str, log: Path, program: Sequence[str] | None = None, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a process that has imported it, or a program of this interpreter with these arguments."""
    with log.open("a") as stderr:
        started: subprocess.Popen[str]
        if program is None:
            started = warm_commands.start(Command("entrepot.cli.main:run", args, environ()), stderr=stderr, **options)
        else:
            words = [sys.executable, *program, *args]
            started = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environ(), **options
            )
    with started:
        try:
            yield started
        finally:
            if started.poll() is None:
                started.terminate()
                started.wait(WAIT_S)


@contextlib.contextmanager
def served(data: Path, *args: str, **options: Any) -> Iterator[Served]:
    log = data.with_suffix(".log")
    with process("serve", "--data", str(data), "--port", "0", *args, log=log, **options) as started:
        assert started.stdout is not None
        said = ""
        for line in started.stdout:
            said += line
            if line.startswith(LISTENING):
                break
        else:
            pytest.fail(f"it ended: {log.read_text()}")
        yield Served(started, said, line.removeprefix(LISTENING).strip(), log)


def refused(*args: str) -> str:
    """Return the message with which a server refuses to start."""
    done = warm_commands.run(Command("entrepot.cli.main:run", args, environ()), 60)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def hub(data: Path) -> Iterator[HubContext]:
    opened = open_hub(Settings(data=data))
    yield opened
    opened.close()


def leave_a_job(hub: HubContext) -> None:
    """Create a repository, which leaves a job that indexes its history."""
    accounts.create_user(hub, "alice")
    secret = accounts.create_token(hub, "alice", role="write").secret
    repositories.create(hub, hub.identify(secret), NewRepo(RepoType.MODEL, "m"))
    assert "ready" in states(hub)


def states(hub: HubContext) -> set[str]:
    # Without the jobs that every worker schedules itself.
    return {job.state for job in handlers.list_jobs(hub) if job.kind not in RECURRING}


def until_all_done(hub: HubContext) -> None:
    deadline = time.monotonic() + WAIT_S
    while states(hub) != {"done"}:
        assert time.monotonic() < deadline, handlers.list_jobs(hub)


def test_an_idle_hub_has_imported_only_what_idle_hubs_need(data: Path, tmp_path: Path) -> None:
    # Each of these takes one to thirty MiB; the first request or job that needs it imports it.
    rare = {"alembic", "cryptography", "duckdb", "httpx2", "jinja2", "nh3", "numpy", "obstore"}
    rare |= {"pandas", "psycopg", "pyarrow", "pygments", "pyromark", "safetensors", "torch", "unittest", "xml"}
    rare |= {"sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "entrepot.client", "entrepot.testing"}
    seen = tmp_path / "modules"
    program = (
        "import atexit, pathlib, sys\n"
        f"atexit.register(lambda: pathlib.Path({str(seen)!r}).write_text(' '.join(sys.modules)))\n"
        "from entrepot.cli.main import run\nrun()"
    )
    # A hub that is new applies the migrations; one that is opened again does not.
    open_hub(Settings(data=data)).close()
    with served(data, program=("-c", program)) as server:
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        assert server.stop() == 0
    imported = set(seen.read_text().split())
    assert "entrepot.server.app" in imported
    assert rare & imported == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_hub_starts_answers_and_stops(data: Path, number: int) -> None:
    with served(data, program=AS_USERS_DO) as hub:
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+", hub.url)
        assert httpx2.get(f"{hub.url}/healthz").status_code == 200
        assert hub.stop(number) == 0
    assert "Traceback" not in hub.log.read_text()


def test_several_processes_serve_one_folder(data: Path) -> None:
    with served(data, "--workers", "2") as hub:
        for _ in range(20):
            assert httpx2.get(f"{hub.url}/healthz").status_code == 200
        assert hub.stop() == 0
    assert "Traceback" not in hub.log.read_text()


def test_the_first_run_says_what_to_do_next(tmp_path: Path) -> None:
    data = tmp_path / "my data"
    with served(data) as hub:
        assert str(data) in hub.said
        assert f"entrepot admin --data '{data}' users create NAME --admin" in hub.said
        assert f"entrepot admin --data '{data}' tokens create NAME --role write" in hub.said
        assert f"export HF_ENDPOINT={hub.url}" in hub.said
        link = next(line.strip() for line in hub.said.splitlines() if "/-/setup?code=" in line)
        assert "Create the first account" in httpx2.get(link, trust_env=False).text


def test_commands_printed_by_the_first_run_work_while_the_hub_runs(data: Path, run: Run) -> None:
    with served(data) as hub:
        commands = re.findall(r"^  entrepot (admin .*)$", hub.said, re.MULTILINE)
        outcomes = [run(*command.replace("NAME", "alice").split(), environ={}) for command in commands]
        assert [outcome.code for outcome in outcomes] == [0, 0]
        assert hub.stop() == 0
    opened = open_hub(Settings(data=data))
    caller = opened.identify(outcomes[1].out.strip())
    opened.close()
    assert caller is not None
    assert (caller.account.name, caller.account.is_admin, caller.may_write) == ("alice", True, True)


def test_a_hub_with_accounts_starts_with_few_words(data: Path, hub: HubContext) -> None:
    accounts.create_user(hub, "alice")
    with served(data) as started:
        assert "users create" not in started.said


@pytest.mark.parametrize("workers", ["1", "2"])
def test_with_a_certificate_the_hub_speaks_https(data: Path, pems: Pems, workers: str) -> None:
    files = ("--tls-cert", str(pems.cert), "--tls-key", str(pems.key))
    with served(data, *files, "--workers", workers) as hub:
        assert hub.url.startswith("https://127.0.0.1:")
        assert f"export HF_ENDPOINT={hub.url}\n" in hub.said
        trusted = ssl.create_default_context(cafile=pems.authority)
        assert httpx2.get(f"{hub.url}/healthz", verify=trusted).status_code == 200
        with pytest.raises(httpx2.HTTPError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx2.get(f"{hub.url}/healthz")
        assert hub.stop() == 0
    assert "Traceback" not in hub.log.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_renewed_certificate_is_shown_without_a_restart(data: Path, pems: Any, tmp_path: Path, workers: str) -> None:
    cert, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    shutil.copy(pems.cert, cert)
    shutil.copy(pems.key, key)
    with served(data, "--tls-cert", str(cert), "--tls-key", str(key), "--workers", workers) as hub:
        port = int(hub.url.rpartition(":")[2])
        pems.renew(cert, key)
        fresh, streak = ssl.PEM_cert_to_DER_cert(cert.read_text()), 0
        while streak < 20:  # a process that still shows the old one would be met sooner or later
            with contextlib.suppress(OSError):  # a handshake in the very moment of the change is begun again
                seen = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))
                streak = streak + 1 if seen == fresh else 0
        trusted = ssl.create_default_context(cafile=pems.authority)
        assert httpx2.get(f"{hub.url}/healthz", verify=trusted).status_code == 200
        assert hub.stop() == 0
    assert "certificate.renewed" in hub.log.read_text()
    assert "Traceback" not in hub.log.read_text()


def test_a_certificate_that_cannot_be_used_is_refused(data: Path, pems: Pems) -> None:
    wrong = refused("serve", "--data", str(data), "--tls-cert", str(pems.cert), "--tls-key", str(pems.authority))
    assert "cannot speak TLS with" in wrong
    absent = refused("serve", "--data", str(data), "--tls-cert", "no-such.pem", "--tls-key", str(pems.key))
    assert "No such file" in absent


def test_a_base_url_is_what_clients_are_pointed_at(data: Path) -> None:
    with served(data, "--base-url", "https://hub.example.org") as hub:
        assert "export HF_ENDPOINT=https://hub.example.org\n" in hub.said
        assert hub.url.startswith("http://127.0.0.1:")


def test_a_folder_of_a_newer_layout_is_refused(data: Path) -> None:
    data.mkdir()
    (data / "format.json").write_text('{"entrepot": 999}')
    sentence = refused("serve", "--data", str(data), "--port", "0")
    assert "999" in sentence
    assert "upgrade entrepot" in sentence
    assert [path.name for path in data.iterdir()] == ["format.json"]


def test_a_database_of_a_newer_version_is_refused(data: Path, hub: HubContext) -> None:
    hub.close()
    with contextlib.closing(sqlite3.connect(data / "catalog.sqlite3")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'from the future'")
    sentence = refused("serve", "--data", str(data), "--port", "0", "--workers", "2")
    assert "from the future" in sentence
    assert "upgrade entrepot" in sentence


def test_a_port_in_use_is_refused(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused("serve", "--data", str(data), "--port", str(port))
    assert f"cannot listen on 127.0.0.1:{port}" in sentence
    assert "choose another port" in sentence


def test_a_setting_that_cannot_be_used_is_refused(data: Path) -> None:
    assert "--max-file" in refused("serve", "--data", str(data), "--max-file", "huge")
    assert not data.exists()


def test_the_log_can_be_for_machines(data: Path) -> None:
    with served(data, "--log-format", "json") as hub:
        httpx2.get(f"{hub.url}/healthz")
        hub.stop()
    lines = [json.loads(line) for line in hub.log.read_text().splitlines()]
    assert any("path=/healthz" in line["message"] for line in lines)


def test_the_log_level_holds_in_every_process(data: Path) -> None:
    with served(data, "--log-level", "error", "--workers", "2") as hub:
        httpx2.get(f"{hub.url}/healthz")
        hub.stop()
    assert hub.log.read_text() == ""


def test_a_server_on_a_lifeline_ends_with_its_parent(data: Path) -> None:
    with served(data, "--lifeline", stdin=subprocess.PIPE) as hub:
        assert httpx2.get(f"{hub.url}/healthz").status_code == 200
        assert hub.process.stdin is not None
        hub.process.stdin.close()
        assert hub.process.wait(WAIT_S) == 0


def test_the_server_runs_jobs(data: Path, hub: HubContext) -> None:
    with served(data, "--workers", "2"):
        leave_a_job(hub)
        until_all_done(hub)


def test_a_server_without_jobs_leaves_them_to_a_worker(data: Path, hub: HubContext, tmp_path: Path) -> None:
    leave_a_job(hub)
    with served(data, "--no-jobs") as started:
        httpx2.get(f"{started.url}/healthz")
        assert started.stop() == 0
    assert "ready" in states(hub)
    with process("worker", "--data", str(data), "--threads", "2", log=tmp_path / "worker.log") as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == f"entrepot worker running the jobs of {data}\n"
        until_all_done(hub)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(WAIT_S) == 0
    assert "job.done" in (tmp_path / "worker.log").read_text()


def test_a_worker_needs_a_hub(data: Path) -> None:
    assert "or create one with 'entrepot serve'" in refused("worker", "--data", str(data))
    assert not data.exists()


def test_a_worker_that_starts_before_all_servers_prepares_the_postgresql_database(
    data: Path, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.url(postgres.create())
    with process("worker", "--data", str(data), "--database", url, log=tmp_path / "worker.log") as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == f"entrepot worker running the jobs of {data}\n"
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(WAIT_S) == 0
    with contextlib.closing(open_hub(Settings(data=data, database=url))) as hub:
        assert not accounts.has_accounts(hub)
    postgres.drop(url)


def test_settings_travel_to_other_processes_unchanged(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, trusted_proxies=("10.0.0.0/8",), run_jobs=False, max_file=7)
    assert decode_settings(encode_settings(settings)) == settings


def test_every_setting_is_a_flag_of_serve() -> None:
    flags = {flag for option in serve.params for flag in [*option.opts, *option.secondary_opts]}
    assert {row.flag for row in SETTINGS} <= flags
    assert "--no-jobs" in flags
    assert len(SETTINGS) == len(msgspec.structs.fields(Settings))


def test_a_second_server_on_one_folder_is_refused_and_a_worker_is_not(data: Path) -> None:
    with served(data, "--workers", "2", "--no-jobs") as first:
        sentence = refused("serve", "--data", str(data), "--port", "0")
        assert f"another server (process {first.process.pid}) serves it" in sentence
        with process("worker", "--data", str(data), log=data.with_suffix(".worker")) as worker:
            assert worker.stdout is not None
            assert "running the jobs" in worker.stdout.readline()
    with served(data):
        pass
