from pathlib import Path

import pytest

from entrepot.cli.main import main
from entrepot.client.downloads.aliases import find
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.errors import HubUnreachable, NotCached, RepoNotFound
from entrepot.hf.api import HubApi
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.testing.hubs import RunningHub

SHORT = RepoRef(RepoType.MODEL, RepoId("", "gpt2"))


def test_an_id_with_a_namespace_is_returned_without_a_question(tmp_path: Path) -> None:
    hub = Hub(read_paths({"ENTREPOT_HOME": str(tmp_path), "ENTREPOT_ENDPOINT": "http://127.0.0.1:9"}))
    ref = RepoRef(RepoType.MODEL, RepoId("a", "b"))
    assert find(hub, ref) is ref


def test_without_a_hub_or_a_cached_alias_nothing_is_found(tmp_path: Path) -> None:
    hub = Hub(read_paths({"ENTREPOT_HOME": str(tmp_path), "ENTREPOT_ENDPOINT": "http://127.0.0.1:9"}))
    with pytest.raises(NotCached):
        find(hub, SHORT, is_local_only=True)
    with pytest.raises(HubUnreachable):
        find(hub, SHORT)


def test_an_alias_is_cached_for_offline_use(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    environ = {**entrepot_hub.environ(), "ENTREPOT_HOME": str(tmp_path)}
    full = HubApi(environ["ENTREPOT_ENDPOINT"], environ["ENTREPOT_TOKEN"]).create_repo("aliased-here").repo_id
    hub = Hub(read_paths(environ))
    with pytest.raises(RepoNotFound):
        find(hub, SHORT)
    on_folder = {"ENTREPOT_DATA": str(entrepot_hub.data)}
    assert main(["admin", "alias", "add", "gpt2", full], on_folder) == 0
    assert str(find(hub, SHORT).id) == full
    assert str(find(hub, SHORT, is_local_only=True).id) == full
    offline = Hub(read_paths({**environ, "ENTREPOT_OFFLINE": "1"}))
    assert str(find(offline, SHORT).id) == full
    assert main(["admin", "alias", "remove", "gpt2"], on_folder) == 0
