"""The walk-through on two machines whose remote is a real hub."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from entrepot.client.calls import lineage
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.names import RepoRef, RepoType, parse_repo_id
from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import CATEGORIES, Site, create, publish
from tests.support.machines import Machine

TAG = "computer-vision__images__imagenet8__{}"


@pytest.fixture
def site(entrepot_hub: RunningHub, tmp_path: Path) -> Site:
    return Site.create(entrepot_hub, tmp_path)


@pytest.fixture
def first(site: Site) -> Machine:
    """A machine that has published version 1 of the strict dataset imagenet8."""
    machine = site.machine("ann", "datasets", "labels", "models")
    create(
        machine, "datasets", "imagenet8", "strict", site.files, "--storage-type=hub", f"--bucket-name={site.user.name}"
    )
    said = publish(machine, "datasets", "imagenet8")
    assert said.startswith(f"published {TAG.format(1)}: 3 objects, ")
    return machine


def test_the_walk_through(site: Site, first: Machine) -> None:
    spec = (first.folder / "datasets/imagenet8/imagenet8.spec").read_text()
    assert f"storage: hub://{site.user.name}" in spec
    first.write("datasets/imagenet8/data/train/batch_4", b"4" * 5000)
    first.ok("datasets", "add", "imagenet8", "--bumpversion")
    first.ok("datasets", "commit", "imagenet8")
    assert first.ok("datasets", "push", "imagenet8").startswith(f"published {TAG.format(2)}: 1 object, ")
    assert first.ok("datasets", "push", "imagenet8") == "No blobs to push at this time.\n"

    create(first, "labels", "captions", "mutable", {"captions.json": b"{}"})
    publish(first, "labels", "captions", "--dataset=imagenet8")
    create(first, "models", "net", "mutable", {"model_file": b"weights"})
    first.ok("models", "add", "net", "--metric", "accuracy", "10")
    first.ok("models", "commit", "net", "--dataset=imagenet8", "--labels=captions")
    first.ok("models", "push", "net")

    second = site.machine("bob", "datasets", "labels", "models")
    assert second.ok("datasets", "list") == "ML dataset\n|-- imagenet8\n"
    assert second.ok("labels", "list") == "ML labels\n|-- captions\n"
    assert second.ok("datasets", "tag", "list", "imagenet8").split() == [TAG.format(1), TAG.format(2)]
    assert second.ok("datasets", "checkout", TAG.format(1)).startswith(f"{TAG.format(1)}: 4 files")
    assert second.files("datasets/imagenet8/data") == site.files
    second.ok("models", "checkout", "net", "-d", "-l")
    assert second.files("datasets/imagenet8/data")["train/batch_4"] == b"4" * 5000
    assert second.files("labels/captions/data") == {"captions.json": b"{}"}
    assert second.files("models/net/data") == {"model_file": b"weights"}
    assert "imagenet8 - (2)" in second.ok("models", "metrics", "net")
    status = second.ok("datasets", "status", "imagenet8")
    assert status == "Changes to be committed\n\nuntracked files\n\ncorrupted files\n"
    assert "Total of corrupted files: 0" in second.ok("datasets", "fsck")


def test_clients_of_the_hub_see_the_same(site: Site, first: Machine) -> None:
    name = f"{site.user.name}/imagenet8"
    tag, sha = eval(first.ok("datasets", "branch", "imagenet8"))
    refs = site.api.list_repo_refs(name, repo_type="dataset")
    assert [it.name for it in refs.tags] == [tag]
    assert site.api.repo_info(name, repo_type="dataset", revision=tag).sha == sha
    paths = site.api.list_repo_files(name, repo_type="dataset", revision=tag)
    assert set(paths) >= {"imagenet8.spec", "README.md", "MANIFEST.yaml", *(f"data/{path}" for path in site.files)}
    got = site.api.hf_hub_download(name, "data/train/batch_2", repo_type="dataset", cache_dir=str(site.place / "cache"))
    assert Path(got).read_bytes() == site.files["train/batch_2"]
    assert {"computer-vision", "images"} <= set(site.api.repo_info(name, repo_type="dataset").tags or ())


def test_links_are_lineage(site: Site, first: Machine) -> None:
    _, sha = eval(first.ok("datasets", "branch", "imagenet8"))
    create(first, "models", "net", "mutable", {"model_file": b"weights"})
    publish(first, "models", "net", "--dataset=imagenet8")
    info: Any = site.api.repo_info(f"{site.user.name}/net", repo_type="model")
    assert info.card_data["datasets"] == [f"{site.user.name}/imagenet8"]
    hub = Hub(read_paths({"ENTREPOT_TOKEN": site.user.token}), endpoint=site.hub.url)
    graph = hub.send(lineage.show(RepoRef(RepoType.MODEL, parse_repo_id(f"{site.user.name}/net"))))
    hub.close()
    assert ("trained_on", f"datasets/{site.user.name}/imagenet8") in {(edge.kind, edge.source) for edge in graph.edges}
    message = first.state("models").metadata.git.line(
        "log", "-1", "--format=%B", TAG.format(1).replace("imagenet8", "net")
    )
    assert message.endswith(f"\n\nEntrepot-Input: trained_on datasets/{site.user.name}/imagenet8@{sha}")


def test_a_strict_dataset_stays_on_the_hub_too(site: Site, first: Machine) -> None:
    from entrepot.errors import EntrepotError

    with pytest.raises(EntrepotError, match="strict"):
        site.api.upload_file(
            path_or_fileobj=b"other",
            path_in_repo="data/train/batch_1",
            repo_id=f"{site.user.name}/imagenet8",
            repo_type="dataset",
        )


def test_the_second_of_two_equal_numbers_is_refused_and_led_out(site: Site, first: Machine) -> None:
    second = site.machine("bob", "datasets")
    second.ok("datasets", "checkout", "imagenet8")
    for machine, text in ((first, "one"), (second, "two")):
        machine.write(f"datasets/imagenet8/data/{text}", text)
        machine.ok("datasets", "add", "imagenet8", "--bumpversion")
        machine.ok("datasets", "commit", "imagenet8")
    first.ok("datasets", "push", "imagenet8")
    refused = second.run("datasets", "push", "imagenet8")
    assert refused.code == 3
    assert "exists already" in refused.err
    second.ok("datasets", "add", "imagenet8", "--bumpversion")
    second.ok("datasets", "commit", "imagenet8")
    assert TAG.format(3) in second.ok("datasets", "push", "imagenet8")
    first.ok("datasets", "update")
    first.ok("datasets", "checkout", "imagenet8", "--version=3")
    assert set(first.files("datasets/imagenet8/data")) == {*site.files, "two"}


def test_changes_of_others_on_main_stay(site: Site, first: Machine) -> None:
    name = f"{site.user.name}/imagenet8"
    site.api.upload_file(path_or_fileobj=b"more", path_in_repo="docs/x.txt", repo_id=name, repo_type="dataset")
    first.write("datasets/imagenet8/data/new", b"new")
    first.ok("datasets", "add", "imagenet8", "--bumpversion")
    first.ok("datasets", "commit", "imagenet8")
    first.ok("datasets", "push", "imagenet8")
    assert {"docs/x.txt", "data/new"} <= set(site.api.list_repo_files(name, repo_type="dataset"))
    assert "docs/x.txt" not in site.api.list_repo_files(name, repo_type="dataset", revision=TAG.format(2))


def test_local_versions_are_checked_out_without_the_hub(site: Site, first: Machine) -> None:
    new = f"new {site.user.name}".encode()
    first.write("datasets/imagenet8/data/new", new)
    first.ok("datasets", "add", "imagenet8", "--bumpversion")
    first.ok("datasets", "commit", "imagenet8")
    assert '"objects":1' in first.ok("datasets", "push", "imagenet8", "--dry-run", "--json").replace(" ", "")
    first.ok("datasets", "checkout", "imagenet8", "--version=1")
    first.ok("datasets", "checkout", "imagenet8", "--version=2")
    assert first.files("datasets/imagenet8/data") == {**site.files, "new": new}


def test_the_repository_of_another_kind_is_refused_and_another_one_is_the_cure(site: Site, first: Machine) -> None:
    refused = first.run("labels", "create", "imagenet8", CATEGORIES, "--mutability=mutable")
    assert refused.code == 3
    assert "belongs to datasets (imagenet8)" in refused.err
    assert "--repo-name" in refused.err
    second = site.machine("bob", "labels")  # it does not know the datasets
    create(second, "labels", "imagenet8", "mutable", {"a": b"a"})
    second.ok("labels", "add", "imagenet8")
    second.ok("labels", "commit", "imagenet8")
    refused = second.run("labels", "push", "imagenet8")
    assert refused.code == 3
    assert "belongs to datasets" in refused.err
    second.ok("labels", "reset", "imagenet8", "--reference=head~1")
    spec = second.folder / "labels/imagenet8/imagenet8.spec"
    spec.write_text(spec.read_text().replace("manifest:\n", "manifest:\n    repository: imagenet8-labels\n"))
    publish(second, "labels", "imagenet8")
    assert "imagenet8.spec" in site.api.list_repo_files(f"{site.user.name}/imagenet8-labels", repo_type="dataset")
    first.ok("labels", "update")
    first.ok("labels", "checkout", "imagenet8")
    assert first.files("labels/imagenet8/data") == {"a": b"a"}


def test_an_entity_may_have_a_repository_with_another_name(site: Site, first: Machine) -> None:
    create(first, "models", "net", "mutable", {"w": b"1"}, "--repo-name=our-net")
    publish(first, "models", "net", "--dataset=imagenet8")
    second = site.machine("bob", "datasets", "models")
    assert second.ok("models", "list") == "ML model\n|-- net\n"
    second.ok("models", "checkout", "net", "-d")
    second.write("models/net/data/w", b"2")
    second.ok("models", "add", "net", "--bumpversion")
    second.ok("models", "commit", "net")
    assert TAG.format(2).replace("imagenet8", "net") in second.ok("models", "push", "net")
    assert "net.spec" in site.api.list_repo_files(f"{site.user.name}/our-net")
    assert first.ok("models", "update") == "net: 1 new version (latest 2)\n"
    spec = second.folder / "models/net/net.spec"
    spec.write_text(spec.read_text().replace("our-net", "other-net"))
    second.ok("models", "add", "net", "--bumpversion")
    refused = second.run("models", "commit", "net")
    assert refused.code == 3
    assert "its repository cannot be changed" in refused.err
    create(first, "models", "third", "mutable", {"w": b"3"}, "--repo-name=our-net")
    first.ok("models", "add", "third")
    assert "has the versions of computer-vision__images__net" in first.run("models", "commit", "third").err


def test_names_with_a_plus_are_escaped(site: Site, first: Machine) -> None:
    create(first, "datasets", "c++", "mutable", {"a": b"a"})
    publish(first, "datasets", "c++")
    assert "c++.spec" in site.api.list_repo_files(f"{site.user.name}/c_2b_2b", repo_type="dataset")
    second = site.machine("bob", "datasets")
    second.ok("datasets", "checkout", "c++")
    assert second.files("datasets/c++/data") == {"a": b"a"}
    refused = first.run("datasets", "create", "+" * 60, CATEGORIES, "--mutability=mutable")
    assert refused.code == 2
    assert not (first.folder / "datasets" / ("+" * 60)).exists()


def test_the_folder_of_an_entity_is_kept(site: Site, first: Machine) -> None:
    first.ok("datasets", "create", "deep", CATEGORIES, "--mutability=mutable", "--entity-dir=folderA/folderB")
    first.write("datasets/folderA/folderB/deep/data/a", b"a")
    publish(first, "datasets", "deep")
    assert first.run("datasets", "commit", "deep").code == 1
    second = site.machine("bob", "datasets")
    assert "|-- folderA\n|   |-- folderB\n|   |   |-- deep\n" in second.ok("datasets", "list")
    second.ok("datasets", "checkout", "deep")
    assert second.files("datasets/folderA/folderB/deep/data") == {"a": b"a"}


def test_another_storage_is_refused(site: Site, first: Machine) -> None:
    options = (CATEGORIES, "--mutability=strict", "--storage-type=s3h", "--bucket-name=b")
    refused = first.run("datasets", "create", "other", *options)
    assert refused.code == 1
    assert "goes to the hub" in refused.err


def test_contents_that_the_hub_has_lost_are_sent_again_or_named(entrepot_fresh_hub: RunningHub, tmp_path: Path) -> None:
    site = Site.create(entrepot_fresh_hub, tmp_path)
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "strict", site.files)
    publish(machine, "datasets", "x")
    assert "total verified : 4 object(s)" in machine.ok("datasets", "remote-fsck", "x")
    assert "fixed   : 0 object(s)" in machine.ok("datasets", "remote-fsck", "x", "--paranoid")


def test_damage_on_the_hub_is_an_exit_code(entrepot_fresh_hub: RunningHub, tmp_path: Path) -> None:
    site = Site.create(entrepot_fresh_hub, tmp_path)
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "strict", site.files)
    publish(machine, "datasets", "x")
    entrepot_fresh_hub.stop()
    for folder in ("files", "xorbs"):
        shutil.rmtree(entrepot_fresh_hub.data / "blobs" / folder, ignore_errors=True)
    entrepot_fresh_hub.start()
    found = machine.run("datasets", "remote-fsck", "x", "--paranoid")
    assert found.code == 4
