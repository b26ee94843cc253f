from __future__ import annotations

import hashlib
from pathlib import Path

import attrs
import httpx2
import pytest

from entrepot.client.cache.caches import KnownAbsent
from entrepot.client.downloads.downloads import Options, cache_of, download, plan_download
from entrepot.client.hubs import Hub
from entrepot.errors import (
    AnswerUnusable,
    DownloadDamaged,
    EntryNotFound,
    InvalidPath,
    NotCached,
    RepoNotFound,
    RevisionNotFound,
)
from entrepot.names import RepoId, RepoRef, RepoType
from tests.support.faulty_hub import FaultyHub
from tests.support.library import Library
from tests.support.progress import RecordedProgress

LOCAL = Options(is_local_only=True)


def test_a_file_is_downloaded_once_and_then_cached(library: Library) -> None:
    ref = library.repo({"d/ä b.txt": b"hello"})
    place = download(library.hub, ref, "d/ä b.txt")
    assert place.read_bytes() == b"hello"
    assert place.is_relative_to(library.cache)
    assert cache_of(library.hub, ref, Options()).find("main", "d/ä b.txt") == place
    assert download(library.hub, ref, "d/ä b.txt", options=LOCAL) == place


def test_a_branch_is_resolved_and_a_commit_is_not(library: Library) -> None:
    ref = library.repo({"f": b"1"})
    old = download(library.hub, ref, "f")
    commit = old.parent.name
    library.commit(ref, {"f": b"2"})
    assert download(library.hub, ref, "f").read_bytes() == b"2"
    assert download(library.offline(), ref, "f", commit) == old
    assert download(library.hub, ref, "f", commit).read_bytes() == b"1"


def test_content_shared_by_two_commits_is_downloaded_once(
    library: Library, recorded_progress: RecordedProgress
) -> None:
    ref = library.repo({"f": b"same"})
    first = download(library.hub, ref, "f")
    library.commit(ref, {"g": b"same"})
    second = download(library.hub, ref, "g", options=Options(progress=recorded_progress))
    assert first.resolve() == second.resolve()
    assert recorded_progress.begun == []


def test_a_large_file_is_recognised_by_its_sha256(library: Library, recorded_progress: RecordedProgress) -> None:
    ref, data = library.repo(), b"\0large" * 100_000
    library.commit_large(ref, "m.bin", data)
    place = download(library.hub, ref, "m.bin", options=Options(progress=recorded_progress))
    assert place.read_bytes() == data
    assert place.resolve().name == hashlib.sha256(data).hexdigest()
    assert (recorded_progress.begun, recorded_progress.done, recorded_progress.finished) == (
        [("m.bin", len(data))],
        len(data),
        1,
    )


def test_that_a_file_does_not_exist_is_remembered(library: Library) -> None:
    ref = library.repo({"f": b"1"})
    with pytest.raises(EntryNotFound) as caught:
        download(library.hub, ref, "no/such")
    assert cache_of(library.hub, ref, Options()).find("main", "no/such") == KnownAbsent(
        caught.value.commit or "", "no/such"
    )
    with pytest.raises(EntryNotFound, match="does not exist"):
        download(library.hub, ref, "no/such", options=LOCAL)


def test_damage_is_reported_in_one_sentence(library: Library) -> None:
    ref = library.repo({"f": b"1"})
    dataset = RepoRef(RepoType.DATASET, ref.id)
    for error, wrong, revision in ((RepoNotFound, dataset, "main"), (RevisionNotFound, ref, "nope")):
        with pytest.raises(error) as caught:
            download(library.hub, wrong, "f", revision)
        assert "\n" not in str(caught.value)
    with pytest.raises(RepoNotFound, match="repo_type"):
        download(library.hub, dataset, "f")
    with pytest.raises(InvalidPath):
        download(library.hub, ref, "../f")


def test_without_the_hub_a_local_copy_is_used_or_an_error_raised(library: Library) -> None:
    ref = library.repo({"f": b"1", "g": b"2"})
    place = download(library.hub, ref, "f")
    gone = Hub(library.hub.paths, endpoint=library.hub.endpoint, token=False)
    gone.transport = Hub(library.hub.paths, endpoint="http://127.0.0.1:9", token=False).transport
    for hub, why in ((library.offline(), "ENTREPOT_OFFLINE"), (gone, "cannot reach the hub")):
        assert download(hub, ref, "f") == place
        if hub is gone:
            hub.transport._retries = 0
        with pytest.raises(NotCached, match=why):
            download(hub, ref, "g")
    with pytest.raises(NotCached, match="local_files_only"):
        download(library.hub, ref, "g", options=LOCAL)
    with pytest.raises(NotCached):
        download(gone, ref, "f", options=Options(is_local_only=True, cache=library.cache / "elsewhere"))


def test_a_copy_survives_the_loss_of_the_right_to_it(library: Library) -> None:
    ref = library.repo({"f": b"1"})
    place = download(library.hub, ref, "f")
    headers = {"authorization": f"Bearer {library.running.token}"}
    url = f"{library.running.url}/api/models/{ref.id}/settings"
    assert httpx2.put(url, json={"private": True}, headers=headers).status_code == 200
    stranger = Hub(library.hub.paths, token=False)
    assert download(stranger, ref, "f") == place
    with pytest.raises(RepoNotFound):
        download(stranger, ref, "other")
    with pytest.raises(RepoNotFound):
        download(stranger, ref, "f", options=Options(is_forced=True))


def test_force_replaces_a_copy_that_was_spoilt(library: Library) -> None:
    ref = library.repo({"f": b"right"})
    place = download(library.hub, ref, "f")
    place.resolve().write_bytes(b"wrong")
    assert download(library.hub, ref, "f").read_bytes() == b"wrong"  # same length: the content is not read to check it
    assert download(library.hub, ref, "f", options=Options(is_forced=True)).read_bytes() == b"right"


def test_into_a_folder_of_ones_own(library: Library, tmp_path: Path, recorded_progress: RecordedProgress) -> None:
    ref = library.repo({"d/f": b"hello"})
    options = Options(folder=tmp_path / "mine", progress=recorded_progress)
    place = download(library.hub, ref, "d/f", options=options)
    assert place == tmp_path / "mine" / "d" / "f"
    assert not library.cache.joinpath(f"models--{ref.id.namespace}--{ref.id.name}", "blobs").exists()
    download(library.hub, ref, "d/f", options=options)
    assert len(recorded_progress.begun) == 1
    assert download(library.hub, ref, "d/f", options=attrs.evolve(options, is_local_only=True)) == place
    library.commit(ref, {"d/f": b"other"})
    assert download(library.hub, ref, "d/f", options=options).read_bytes() == b"other"


def test_a_plan_changes_nothing(library: Library) -> None:
    ref = library.repo({"f": b"12345"})
    before = plan_download(library.hub, ref, "f")
    assert (before.size, before.is_cached, before.will_download) == (5, False, True)
    assert not library.cache.joinpath(f"models--{ref.id.namespace}--{ref.id.name}", "blobs").exists()
    place = download(library.hub, ref, "f")
    after = plan_download(library.hub, ref, "f")
    assert (after.local_path, after.is_cached, after.will_download) == (place, True, False)
    assert plan_download(library.hub, ref, "f", options=Options(is_forced=True)).will_download
    with pytest.raises(NotCached):
        plan_download(library.offline(), ref, "f")


def test_a_hub_with_standard_routes_only_is_supported(faulty_hub_client: Hub, faulty_hub: FaultyHub) -> None:
    assert download(faulty_hub_client, faulty_hub.ref, "f").read_bytes() == faulty_hub.data
    faulty_hub.data = faulty_hub.data[:-1] + b"?"
    with pytest.raises(DownloadDamaged):
        download(faulty_hub_client, faulty_hub.ref, "f", options=Options(is_forced=True))
    assert cache_of(faulty_hub_client, faulty_hub.ref, Options()).find("main", "f") is not None


def test_an_answer_without_a_tag_is_no_answer(faulty_hub_client: Hub, faulty_hub: FaultyHub) -> None:
    faulty_hub.etag = ""
    with pytest.raises(AnswerUnusable, match="tag"):
        download(faulty_hub_client, RepoRef(RepoType.MODEL, RepoId("ns", "x")), "f")
