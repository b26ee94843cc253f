from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import TAG, Site, create, publish
from tests.support.machines import Machine


@pytest.fixture
def site(entrepot_hub: RunningHub, tmp_path: Path) -> Site:
    return Site.create(entrepot_hub, tmp_path)


def next_version(machine: Machine, name: str, **files: str) -> None:
    for path, text in files.items():
        machine.write(f"datasets/{name}/data/{path}", text)
    machine.ok("datasets", "add", name, "--bumpversion")
    machine.ok("datasets", "commit", name)
    machine.ok("datasets", "push", name)


def test_a_version_replaces_what_others_changed_in_the_same_file_and_says_so(site: Site) -> None:
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "mutable", {"a": b"a"})
    publish(machine, "datasets", "x")
    name, readme = f"{site.user.name}/x", machine.folder / "datasets/x/README.md"
    site.api.upload_file(path_or_fileobj=b"web", path_in_repo="README.md", repo_id=name, repo_type="dataset")
    readme.write_text(readme.read_text() + "mine\n")
    machine.ok("datasets", "add", "x", "--bumpversion")
    machine.ok("datasets", "commit", "x")
    pushed = machine.run("datasets", "push", "x")
    assert pushed.code == 0
    assert "README.md was changed on the hub too" in pushed.err
    got = site.api.hf_hub_download(name, "README.md", repo_type="dataset", cache_dir=str(site.place / "cache"))
    assert "mine" in Path(got).read_text()


def test_a_version_on_an_old_base_is_published_whole(site: Site) -> None:
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "mutable", {"a": b"a"})
    publish(machine, "datasets", "x")
    next_version(machine, "x", b="b")
    machine.ok("datasets", "checkout", "x", "--version=1")
    next_version(machine, "x", c="c")
    listed = site.api.list_repo_files(f"{site.user.name}/x", repo_type="dataset")
    assert {path for path in listed if path.startswith("data/")} == {"data/a", "data/c"}
    tags = {tag.name for tag in site.api.list_repo_refs(f"{site.user.name}/x", repo_type="dataset").tags}
    assert tags == {TAG.format("x", number) for number in (1, 2, 3)}


def test_two_writers_publish_all_their_versions(site: Site) -> None:
    ann, bob = site.machine("ann", "datasets"), site.machine("bob", "datasets")
    create(ann, "datasets", "x", "mutable", {"a": b"a"})
    publish(ann, "datasets", "x")
    bob.ok("datasets", "update")
    bob.ok("datasets", "checkout", "x")
    for number, machine in enumerate((ann, bob), 2):
        machine.write(f"datasets/x/data/f{number}", str(number))
        machine.ok("datasets", "add", "x")
        machine.ok("datasets", "commit", "x", f"--version={number}")
    processes = [machine.start("datasets", "push", "x") for machine in (ann, bob)]
    for process in processes:
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said
    ann.ok("datasets", "update")
    hub = ann.state().hub
    assert hub is not None
    refs = hub.refs()
    head = refs.branches[hub.branch_of("x")]
    for number in (1, 2, 3):
        commit = refs.tags[TAG.format("x", number)].commit
        assert hub.git.attempt("merge-base", "--is-ancestor", commit, head).code == 0


def test_a_tag_of_a_version_stays(site: Site) -> None:
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "strict", {"a": b"a"})
    publish(machine, "datasets", "x")
    with pytest.raises(Exception, match="immutable"):
        site.api.delete_tag(f"{site.user.name}/x", tag=TAG.format("x", 1), repo_type="dataset")


def test_one_repository_has_one_entity(site: Site) -> None:
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "mutable", {"a": b"a"})
    publish(machine, "datasets", "x")
    other = Machine.create(site.place, "bob", **site.environ(site.user.token))
    other.ok("repository", "init")
    other.ok("repository", "remote", "datasets", "add", site.url)
    other.ok("datasets", "init")
    other.ok("datasets", "create", "x", "--categories=else", "--mutability=mutable")
    other.write("datasets/x/data/a", "a")
    other.ok("datasets", "add", "x")
    refused = other.run("datasets", "commit", "x")
    assert refused.code == 3
    assert "has the versions of computer-vision__images__x; name another one in the spec" in refused.err


def test_a_push_that_is_killed_leaves_whole_versions_only(site: Site) -> None:
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "mutable", {"a": f"{site.user.name} 0".encode()})
    machine.ok("datasets", "add", "x")
    machine.ok("datasets", "commit", "x")
    for number in range(2, 6):
        machine.write("datasets/x/data/a", f"{site.user.name} {number}")
        machine.ok("datasets", "add", "x")
        machine.ok("datasets", "commit", "x", f"--version={number}")
    for patience_s in (0.5, 0.8, 1.1):
        process = machine.start("datasets", "push", "x")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=patience_s)
        process.kill()
        process.communicate()
        check_whole(site.machine(f"reader{patience_s}", "datasets"), site)
    machine.ok("datasets", "push", "x")
    reader = site.machine("last", "datasets")
    assert check_whole(reader, site) == 5


def check_whole(machine: Machine, site: Site) -> int:
    """Check out every version that is on the hub; return how many there are."""
    hub = machine.state().hub
    assert hub is not None
    tags = hub.refs().tags
    for tag in tags:
        number = tag.rpartition("__")[2]
        machine.ok("datasets", "checkout", tag)
        expected = f"{site.user.name} {0 if number == '1' else number}".encode()
        assert machine.files("datasets/x/data") == {"a": expected}
        head = hub.refs().branches[hub.branch_of("x")]
        assert hub.git.attempt("merge-base", "--is-ancestor", tags[tag].commit, head).code == 0
    return len(tags)
