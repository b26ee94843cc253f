from __future__ import annotations

from collections.abc import Callable

from entrepot.client.calls import preuploads
from entrepot.client.hubs import Hub
from entrepot.names import RepoRef, RepoType
from entrepot.wire.files.preuploads import PreuploadFile


def test_the_hub_says_how_to_upload(hub: Hub, fresh_repo: Callable[..., RepoRef]) -> None:
    wanted = [PreuploadFile(path="a.txt", size=1, sample="YQ=="), PreuploadFile(path="m.safetensors", size=1)]
    answer = hub.send(preuploads.preupload(fresh_repo(), "main", wanted, git_ignore="*.txt\n"))
    assert [(file.path, file.upload_mode, file.should_ignore) for file in answer.files] == [
        ("a.txt", "regular", True),
        ("m.safetensors", "lfs", False),
    ]
    assert preuploads.preupload(fresh_repo(), "main", [], create_pr=True).query == (("create_pr", "1"),)


def test_the_hub_checks_a_card(hub: Hub) -> None:
    assert hub.send(preuploads.check_card("# no metadata\n", RepoType.MODEL)).warnings
    assert hub.send(preuploads.check_card("---\nlicense: mit\n---\n", RepoType.MODEL)).errors == []
