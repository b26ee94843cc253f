"""Hostile URLs, configurations and arguments: refused with a sentence, nothing runs and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Outcome
from tests.support.machines import Machine, Team, create_team, git, published

CONTROL = "\x1b[31m\x07\u202e"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return create_team(tmp_path_factory.mktemp("team"))


@pytest.fixture(scope="module")
def shared(team: Team) -> Machine:
    """A machine with the published dataset `x`, strict, of one file, and the local dataset `y` in another storage."""
    machine = published(team, a="one")
    machine.ok("repository", "storage", "add", "evil", "--endpoint-url=http://127.0.0.1:1")
    machine.ok("datasets", "create", "y", "--categories=c", "--mutability=strict", "--storage-type=s3h")
    machine.write("datasets/y/data/f", "f")
    machine.ok("datasets", "add", "y")
    machine.ok("datasets", "commit", "y")
    return machine


@pytest.fixture
def machine(shared: Machine) -> Iterator[Machine]:
    """The same, whose configuration is that of the beginning."""
    config = shared.folder / ".ml-git/config.yaml"
    before = config.read_bytes()
    yield shared
    config.write_bytes(before)


def assert_refused(outcome: Outcome) -> None:
    """Whether a command failed as a refusal does, with a sentence that a terminal can show."""
    assert outcome.code in (1, 2, 3), outcome
    assert "Traceback" not in outcome.err
    assert "unexpected" not in outcome.err
    shown = outcome.out + outcome.err
    assert not [c for c in shown if (c < " " and c not in "\n\t") or c in "\x7f\u202e\u2066"], shown


URLS = (
    "",
    "-u./x",
    "--upload-pack=touch STOLEN",
    "ext::sh -c touch% STOLEN",
    "fd::17",
    "x; touch STOLEN",
    "$(touch STOLEN)",
    "ssh://-oProxyCommand=touch/x",
    "ssh://user@-oProxyCommand=touch/x",
    "git@-oProxyCommand=touch:x",
    "git@host:-upload",
    "https://[::1",
    "https://[::1/x.git",
    "https://host:port/x.git",
    "https://ho st/x.git",
    f"https://exa{CONTROL}mple.org/x.git",
    "https://host/x\ny.git",
    "https://host/\0",
    "file://-upload",
    "file://host/share",
    "ftp://host/x.git",
    "hub+https://host",
    "hub+file:///x",
    "hub+https://user:pw@host/alice",
    "https://user:secret99@ho st/x.git",
)


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_no_remote_has_is_refused_wherever_it_is_given(machine: Machine, url: str) -> None:
    config = machine.folder / ".ml-git/config.yaml"
    before = config.read_bytes()
    for args in (
        ("repository", "remote", "datasets", "add", "--", url),
        ("repository", "remote", "config", "add", "--", url),
        ("repository", "config", "set", "datasets.git", "--", url),
        ("clone", "--", url, "copy"),
    ):
        if url.startswith("hub+") and args[1] != "remote":
            continue
        outcome = machine.run(*args)
        assert_refused(outcome)
        assert "secret99" not in outcome.err
    assert config.read_bytes() == before
    assert not (machine.folder / "copy").exists()
    assert not list(machine.folder.rglob("STOLEN"))


CONFIGS = (
    "\0",
    "a: &x [1]\nb: *x\n",
    "a: !!python/object/apply:os.system ['touch STOLEN']\n",
    "- 1\n",
    "[" * 100,
    "a: {" * 100,
    "storages: 7\n",
    "datasets: [1]\n",
    "datasets: text\n",
    "push_threads_count: 0\n",
    "push_threads_count: .inf\n",
    "push_threads_count: [1]\n",
    "push_threads_count: 99999999999999999999999\n",
    "push_threads_count: true\n",
    "cache_path: ../../out\n",
    "object_path: /etc\n",
    "datasets: {index_path: 'C:\\x'}\n",
    "datasets: {metadata_path: a/../../b}\n",
    "refs_path: [a]\n",
    "? [a, b]\n: 1\n",
    "1: 2\nstorages: {7: {8: 9}}\n",
    f'"{"x" * 300}\\e[31m": 1\npush_threads_count: x\n',
    "2026-02-31: 1\n",
    "a: !!timestamp 9999-99-99\n",
    "a: 0x" + "f" * 100_000,
    "a: " + "9" * 10_000,
    "=: 1\n<<: 2\n",
    "<<: {datasets: {git: '-u./x'}}\npush_threads_count: x\n",
)


@pytest.mark.parametrize("text", CONFIGS)
def test_a_configuration_that_cannot_be_used_is_refused_by_every_command(machine: Machine, text: str) -> None:
    (machine.folder / ".ml-git/config.yaml").write_text(text)
    before = machine.files("datasets/x/data")
    for args in (
        ("datasets", "status", "x"),
        ("datasets", "push", "x"),
        ("datasets", "checkout", "x"),
        ("datasets", "update"),
        ("repository", "config", "show"),
        ("repository", "graph", "--dot"),
    ):
        outcome = machine.run(*args)
        if outcome.code == 0:  # what has no meaning has no effect
            assert "unknown key" in outcome.err or not outcome.err.count("ERROR")
        else:
            assert_refused(outcome)
    assert machine.files("datasets/x/data") == before
    assert not list(machine.folder.rglob("STOLEN"))


STORAGES = (
    "text",
    "[1]",
    "{aws-credentials: text}",
    "{aws-credentials: [1], endpoint-url: 'http://127.0.0.1:1'}",
    "{endpoint-url: 'file:///etc'}",
    "{endpoint-url: '-x'}",
    "{endpoint-url: 'http://127.0.0.1:99999999/x'}",
    "{endpoint-url: 'http://[::1'}",
    "{endpoint-url: [1]}",
    '{endpoint-url: "http://127.0.0.1:1/\\r\\nHost: x"}',
    '{endpoint-url: "http://127.0.0.1:1", region: "x\\r\\nHost: y"}',
    "{endpoint-url: 'http://127.0.0.1:1', prefix: ../../x}",
    '{endpoint-url: "http://127.0.0.1:1", prefix: "a\\e[31m"}',
    "{endpoint-url: 'http://127.0.0.1:1', aws-credentials: {profile: '../../x'}}",
    '{endpoint-url: "http://127.0.0.1:1", aws-credentials: {profile: "a\\n[b]"}}',
)


@pytest.mark.parametrize("settings", STORAGES)
def test_a_storage_that_cannot_be_used_is_refused_before_anything_is_sent(machine: Machine, settings: str) -> None:
    config = machine.folder / ".ml-git/config.yaml"
    text, begin = config.read_text(), "    evil:\n"
    assert begin in text
    config.write_text(re.sub(rf"(?<={begin})(?:      .*\n)+", lambda _: f"      {settings}\n", text))
    for args in (
        ("datasets", "push", "y", "--retry=0"),
        ("datasets", "export", "c__y__1", "evil", "--retry=0"),
        ("datasets", "import", "evil", "out", "--retry=0"),
    ):
        assert_refused(machine.run(*args))


@pytest.mark.parametrize(
    "options",
    [
        ("--endpoint-url=file:///etc",),
        ("--endpoint-url=-x",),
        ("--endpoint-url=http://[::1",),
        ("--endpoint-url=http://host:99999999/x",),
        (f"--endpoint-url=http://ho{CONTROL}st",),
        ("--region=x\ny",),
        ("--credentials=x\n[y]",),
        ("--prefix=../../x",),
        ("--prefix=a\x1b[31m",),
        ("--type=sftph", "--host-key=ssh-rsa x\nssh-rsa y"),
        ("--type=sftph", "--username=-x\n"),
        ("--type=file", "--prefix=../x"),
    ],
)
def test_settings_that_no_storage_has_are_not_written(machine: Machine, options: tuple[str, ...]) -> None:
    config = machine.folder / ".ml-git/config.yaml"
    before = config.read_bytes()
    assert_refused(machine.run("repository", "storage", "add", "evil", *options))
    assert config.read_bytes() == before


@pytest.mark.parametrize("bucket", ["", " ", "a b\n", f"a{CONTROL}", "\0", "x" * 5000, "../x", "a/../b", "a//b"])
def test_names_that_no_bucket_has_are_refused(machine: Machine, bucket: str) -> None:
    config = machine.folder / ".ml-git/config.yaml"
    before = config.read_bytes()
    assert_refused(machine.run("repository", "storage", "add", "--", bucket))
    outcome = machine.run(
        *("datasets", "create", "z", "--categories=c", "--mutability=strict", "--storage-type=s3h"),
        f"--bucket-name={bucket}",
    )
    assert_refused(outcome)
    assert config.read_bytes() == before
    assert not (machine.folder / "datasets/z").exists()


NAMES = ("", ".", "..", "-x", "a b", "a__b", "a/../../b", "/etc", "x.lock", f"a{CONTROL}", "x" * 101, "\0", "a\nb")


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_entity_has_are_refused(machine: Machine, name: str) -> None:
    before = machine.files("datasets")
    tag = f"vision__images__{name}__1"
    for args in (
        ("create", "--categories=c", "--mutability=strict", "--", name),
        ("create", "--mutability=strict", f"--categories={name}", "--", "z"),
        ("create", "--mutability=strict", "--categories=c", f"--entity-dir={name or '/'}", "--", "z"),
        ("status", "--", name),
        ("add", "--", name),
        ("commit", "--", name),
        ("push", "--", name),
        ("checkout", "--", name),
        ("checkout", "--", tag),
        ("fetch", "--", tag),
        ("show", "--", name),
        ("log", "--", name),
        ("diff", "--", "x", tag, name),
        ("tag", "list", "--", name),
        ("tag", "del", "--", "x", name),
        ("reset", "--", name),
        ("unlock", "--", name, "data/a"),
        ("remote-fsck", "--", name),
        ("migrate", "--", name),
        ("export", "--", tag, "bucket"),
    ):
        if "--entity-dir" in "".join(args) and name in (".", "-x", "a b", "a__b", "x.lock", "x" * 101):
            continue  # folders may have such names
        outcome = machine.run("datasets", *args)
        assert_refused(outcome)
    assert machine.files("datasets") == before


@pytest.mark.parametrize(
    "name", [".", "..", "-d", "--delete", "a b", "a..b", "a~1", "x.lock", f"a{CONTROL}", "\0", "@{"]
)
def test_names_that_no_tag_has_are_refused(team: Team, machine: Machine, name: str) -> None:
    assert_refused(machine.run("datasets", "tag", "add", "--", "x", name))
    assert list(team.tags()) == ["vision__images__x__1"]


def test_paths_that_lead_out_are_never_added_or_unlocked(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for path in ("../../../../secret", str(tmp_path / "secret"), "data/../../../../../secret", "\0", "-x", "*/../.."):
        assert_refused(machine.run("datasets", "add", "x", "--", path))
        assert_refused(machine.run("datasets", "unlock", "x", "--", path))
    assert "new file" not in machine.ok("datasets", "status", "x")


@pytest.mark.parametrize("name", ["config.yaml", "datasets", "logs", "datasets/lock", "datasets/workspace.sqlite3"])
def test_folders_and_files_in_the_place_of_state_are_refused(tmp_path: Path, name: str) -> None:
    machine = published(create_team(tmp_path), a="one")
    place = machine.folder / ".ml-git" / name
    if place.is_dir():
        place.rename(tmp_path / "kept")
        place.write_text("text")
    else:
        place.unlink(missing_ok=True)
        place.mkdir()
    outcome = machine.run("datasets", "status", "x")
    assert outcome.code in ((0,) if name in ("logs", "datasets") else (1, 4)), outcome
    assert "Traceback" not in outcome.err
    assert "unexpected" not in outcome.err


def test_a_cloned_configuration_cannot_use_files_outside_of_the_project(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    source = tmp_path / "evil"
    (source / ".ml-git").mkdir(parents=True)
    for number, text in enumerate(
        (
            f"cache_path: {tmp_path / 'victim'}\n",
            "datasets: {git: '../victim'}\n",
            f"datasets: {{hub: 'file://{tmp_path}/victim'}}\n",
            "datasets: {git: 'https://[::1'}\n",
        )
    ):
        (source / ".ml-git/config.yaml").write_text(text)
        git(source, "init", "-q")
        git(source, "add", "-A")
        git(source, "-c", "user.name=e", "-c", "user.email=e@e", "commit", "-qm", "x")
        assert_refused(machine.run("clone", str(source), f"clone{number}"))
        assert not (machine.folder / f"clone{number}").exists()
    assert list((tmp_path / "victim").iterdir()) == []
