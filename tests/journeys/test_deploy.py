"""The files in deploy/ match this version: the commands, settings, routes and metrics that they name exist."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx2
import pytest
import yaml

from entrepot.cli.main import cli
from entrepot.settings import SETTINGS
from entrepot.testing.hubs import RunningHub
from tests.support.certificates import make_certificates

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or ""
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())
VARIABLES = {f"ENTREPOT_{setting.name.upper()}" for setting in SETTINGS}
PAGES = ("docs/service.md", "docs/first-admin-day.md", "docs/operations.md", "README.md")


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """Return the sections of a unit file, with the values of each key in order."""
    found: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = heading[1]
            found[section] = {}
            continue
        key, equals, value = line.partition("=")
        assert equals, f"{name}: {line!r}"
        found[section].setdefault(key, []).append(value)
    return found


def check_command(words: list[str]) -> None:
    """Fail unless every command and option of the command line exists."""
    command: click.Command = cli
    context = click.Context(cli, info_name="entrepot")
    while isinstance(command, click.Group):
        while words and words[0].startswith("--"):
            assert words[0] in {flag for option in command.params for flag in option.opts}, words
            words = words[2:]
        if not words:
            return
        found = command.get_command(context, words[0])
        if found is None and command.name == "backup":
            found, words = command.get_command(context, "create"), ["create", *words]
        assert found is not None, words
        command, words = found, words[1:]
    flags = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
    assert [word for word in words if word.startswith("--") and word != "--" and word not in flags] == [], words


def settings_in(text: str) -> set[str]:
    return set(re.findall(r"ENTREPOT_[A-Z_]+", text))


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_what_exists(name: str) -> None:
    sections = unit(name)
    if name.endswith(".timer"):
        assert sections["Timer"]["OnCalendar"][0] in ("daily", "weekly")
        assert name.replace(".timer", ".service") in UNITS
        return
    service = sections["Service"]
    [line] = service["ExecStart"]
    program, *words = shlex.split(line)
    assert program == "/opt/entrepot/bin/entrepot"
    check_command(words)
    assert settings_in(" ".join(service["Environment"])) <= VARIABLES
    assert service["User"] == ["entrepot"]
    for key, value in (("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("CapabilityBoundingSet", "")):
        assert service[key] == [value]


def instructions() -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n\s*", " ", (DEPLOY / "docker/Dockerfile").read_text()).splitlines()
    found = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in found]


def test_the_image_runs_the_hub_as_an_ordinary_user() -> None:
    found = instructions()
    last = max(number for number, (word, _) in enumerate(found) if word == "FROM")
    final = dict(found[last:])
    assert final["USER"] == "10001:10001"
    command = [*json.loads(final["ENTRYPOINT"]), *json.loads(final["CMD"])]
    assert command[0] == "entrepot"
    check_command(command[1:])
    assert settings_in(final["ENV"]) <= VARIABLES
    assert "/readyz" in final["HEALTHCHECK"]
    for word, rest in found:
        if word == "FROM":
            assert re.match(r"[\w/-]+:\d[\w.-]*( AS \w+)?$", rest), "a base image has a version"
        if word == "COPY" and not rest.startswith("--from"):
            *sources, _ = rest.split()
            assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_compose_file_keeps_the_data_and_little_else() -> None:
    compose = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())
    hub = compose["services"]["hub"]
    assert (DEPLOY / "docker" / hub["build"]["context"] / hub["build"]["dockerfile"]).is_file()
    assert hub["volumes"] == ["data:/data"]
    assert "data" in compose["volumes"]
    assert set(hub["environment"]) <= VARIABLES
    assert all(port.startswith("127.0.0.1:") for port in hub["ports"])
    assert hub["read_only"] is True


@pytest.mark.parametrize("name", ["docker/compose.yaml", "cluster/compose.yaml", "invalid"])
def test_a_compose_file_has_the_shape_that_compose_expects(name: str, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    file = DEPLOY / name
    if name == "invalid":
        file = tmp_path / "compose.yaml"
        file.write_text("services: {hub: {image: hub, volume: [data:/data]}}")
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if name == "invalid":
        assert "'volume' was unexpected" in done.stdout
    else:
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_proxy_overwrites_what_clients_send() -> None:
    text = re.sub(r"#.*", "", (DEPLOY / "nginx/entrepot.conf").read_text())
    assert text.count("{") == text.count("}")
    statements = [line.strip() for line in text.splitlines() if line.strip()]
    assert all(line.endswith((";", "{", "}")) for line in statements)
    headers = dict(re.findall(r"proxy_set_header (\S+) (\S+);", text))
    assert headers == {
        "Host": "$http_host",
        "X-Forwarded-Host": "$http_host",
        "X-Forwarded-Proto": "$scheme",
        "X-Forwarded-For": "$remote_addr",
    }
    assert "$proxy_add_x_forwarded_for" not in text
    assert re.search(r"proxy_pass http://[^/;]+;", text), "a path behind the port would decode the raw path"
    for line in ("client_max_body_size 0;", "proxy_request_buffering off;", "proxy_buffering off;", "gzip off;"):
        assert line in statements


@pytest.mark.skipif(not NGINX, reason="nginx is not installed")
@pytest.mark.parametrize(
    "name", ["nginx/entrepot.conf", "nginx/stored-files.conf", "cluster/nginx.conf", "no such directive"]
)
def test_nginx_accepts_its_files(name: str, tmp_path: Path) -> None:
    text = (DEPLOY / name).read_text() if "/" in name else "server { listen 8080; proxy_bufering off; }"
    if name == "nginx/stored-files.conf":  # a part of a server block
        text = f"server {{ listen 8080; {text} }}"
    pems = make_certificates(tmp_path)
    text = re.sub(r"/etc/ssl/\S+/fullchain.pem", str(pems.cert), text)
    text = re.sub(r"/etc/ssl/\S+/privkey.pem", str(pems.key), text)
    text = re.sub(r"\bserver[12]:", "127.0.0.1:", text)
    sockets = itertools.count()
    text = re.sub(r"listen [^\s;]+", lambda _found: f"listen unix:{tmp_path}/{next(sockets)}.sock", text)
    places = " ".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {places} {text} }}"
    )
    done = subprocess.run([NGINX, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False)
    if name == "no such directive":
        assert 'unknown directive "proxy_bufering"' in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_the_scrape_job_asks_the_route_of_metrics() -> None:
    [job] = yaml.safe_load((DEPLOY / "prometheus/entrepot.yaml").read_text())["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("entrepot", "/metrics")


def expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (item for key, item in value.items() if key in ("expr", "query") and isinstance(item, str))
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)


def test_the_dashboard_and_the_pages_name_metrics_that_exist(entrepot_hub: RunningHub) -> None:
    httpx2.get(f"{entrepot_hub.url}/healthz")
    text = httpx2.get(f"{entrepot_hub.url}/metrics").text
    known = set(re.findall(r"^(\w+?)(?:\{| )", text, re.MULTILINE)) | {
        # Counts of jobs by state exist only while there are such jobs.
        *(f"entrepot_jobs_{state}" for state in ("ready", "running", "done", "dead")),
    }
    dashboard = json.loads((DEPLOY / "grafana/entrepot.json").read_text())
    found = {name for line in expressions(dashboard) for name in re.findall(r"\b(?:entrepot|process)_\w+", line)}
    assert len(found) > 10
    assert found - known == set()
    pages = "".join((ROOT / page).read_text("utf-8") for page in PAGES)
    assert set(re.findall(r"`(entrepot_\w+)`", pages)) - known == set()
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("page", PAGES[:3])
def test_a_page_names_commands_and_files_that_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    spans = [
        *re.findall(r"`(entrepot [^`…]+)`", text),
        *re.findall(r"(?:^|\$\(|bin/|hub )(entrepot [^\n>#|]+)", text, re.M),
    ]
    assert spans
    for line in spans:
        check_command(shlex.split(line.split(" > ")[0])[1:])
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target
    for name in re.findall(r"`(deploy/[^`]+)`", text):
        assert (ROOT / name).exists(), name


def test_every_file_is_listed() -> None:
    listed = (DEPLOY / "README.md").read_text()
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.name != "README.md":
            stem = path.relative_to(DEPLOY).as_posix().removesuffix(".timer")
            assert stem.removesuffix(".service") in listed, path
