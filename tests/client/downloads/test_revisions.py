from pathlib import Path

import httpx2
import pytest

from entrepot.cli.main import main
from entrepot.client.downloads.downloads import Options
from entrepot.client.downloads.revisions import resolve
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.errors import NotCached, RepoNotFound, RevisionNotFound
from entrepot.hf.api import HubApi
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.testing.hubs import RunningHub

OTHER = "0123456789" * 4


def hub_of(running: RunningHub, folder: Path, **more: str) -> Hub:
    return Hub(read_paths({**running.environ(), "ENTREPOT_HOME": str(folder), **more}))


def create(running: RunningHub, name: str) -> tuple[RepoRef, str]:
    api = HubApi(running.url, running.token)
    full = api.create_repo(name).repo_id
    made = api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=full)
    return RepoRef(RepoType.MODEL, RepoId(*full.split("/"))), made.oid


def test_a_branch_costs_one_request_and_a_full_id_none(
    entrepot_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, commit = create(entrepot_hub, "resolved")
    asked: list[str] = []
    send = httpx2.Client.send

    def noted(client: httpx2.Client, request: httpx2.Request, **options: object) -> httpx2.Response:
        asked.append(request.url.path)
        return send(client, request, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(httpx2.Client, "send", noted)
    hub = hub_of(entrepot_hub, tmp_path)
    found = resolve(hub, ref)
    assert (found.ref, found.commit) == (ref, commit)
    assert len(asked) == 1
    assert resolve(hub, ref, commit) == found
    assert len(asked) == 1


def test_an_alias_and_an_old_name_lead_to_the_real_id_also_offline(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    ref, commit = create(entrepot_hub, "before-it-moved")
    HubApi(entrepot_hub.url, entrepot_hub.token).move_repo(str(ref.id), "tester/after-it-moved")
    assert (
        main(["admin", "alias", "add", "short", "tester/after-it-moved"], {"ENTREPOT_DATA": str(entrepot_hub.data)})
        == 0
    )
    hub = hub_of(entrepot_hub, tmp_path)
    offline = hub_of(entrepot_hub, tmp_path, ENTREPOT_OFFLINE="1")
    for asked in (ref, RepoRef(RepoType.MODEL, RepoId("", "short"))):
        found = resolve(hub, asked)
        assert (str(found.ref.id), found.commit) == ("tester/after-it-moved", commit)
        assert resolve(offline, asked) == found
        assert resolve(hub, asked, "main", Options(is_local_only=True)) == found


def test_absent_revisions_are_reported_by_the_hub_or_the_cache(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    ref, _ = create(entrepot_hub, "there")
    hub = hub_of(entrepot_hub, tmp_path)
    with pytest.raises(RevisionNotFound):
        resolve(hub, ref, "no-such-branch")
    with pytest.raises(RepoNotFound):
        resolve(hub, RepoRef(RepoType.MODEL, RepoId("tester", "absent")))
    with pytest.raises(NotCached):
        resolve(hub, ref, "main", Options(is_local_only=True))
    with pytest.raises(NotCached):
        resolve(hub_of(entrepot_hub, tmp_path, ENTREPOT_OFFLINE="1"), RepoRef(RepoType.MODEL, RepoId("", "unseen")))
    assert resolve(hub, ref, OTHER).commit == OTHER
