"""What the current client shows of scans: in trees, in the information about a model, and at ``/scan``."""

from __future__ import annotations

import io
import pickle
import time
import zipfile
from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from entrepot.testing import hubs
from entrepot.testing.hubs import RunningHub

HARMLESS = pickle.dumps({"a": [1, 2, 3]})
HOSTILE = b"cos\nsystem\n(S'true'\ntR."


@pytest.fixture(scope="module")
def hub() -> Iterator[RunningHub]:
    with hubs.running({"scanning": "warn", "chunk_delay_s": 0}) as running:
        yield running


def torch_file(data: bytes) -> bytes:
    """Return an archive as PyTorch writes it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", data)
    return made.getvalue()


def wait_for_scan(api: HfApi, repo: str) -> dict[str, object]:
    """Return the result, once everything is scanned."""
    deadline, found = time.monotonic() + 240, None
    while time.monotonic() < deadline:
        found = api.model_info(repo, securityStatus=True).security_repo_status
        assert found is not None
        if found["scansDone"]:
            return found
    raise AssertionError(found)


def test_a_client_sees_what_was_found(hub: RunningHub) -> None:
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = api.create_repo("tester/scanned").repo_id
    files = {"weights.bin": torch_file(HARMLESS), "evil.pkl": HOSTILE, "README.md": b"# x\n", "odd.bin": b"no pickle"}
    api.create_commit(repo, [CommitOperationAdd(path, data) for path, data in files.items()], commit_message="x")
    found = wait_for_scan(api, repo)
    assert found["filesWithIssues"] == [{"path": "evil.pkl", "level": "unsafe"}]
    entries = {entry.path: entry for entry in api.list_repo_tree(repo, expand=True)}
    evil = entries["evil.pkl"].security
    assert evil is not None
    assert (evil.safe, evil.status, evil.av_scan) == (False, "unsafe", None)
    assert evil.pickle_import_scan["pickleImports"] == [{"module": "os", "name": "system", "safety": "dangerous"}]
    weights = entries["weights.bin"].security
    assert (weights.safe, weights.pickle_import_scan["message"][:15]) == (True, "no known threat")
    assert entries["README.md"].security.status == "unscanned"
    assert entries["odd.bin"].security.status == "unscanned"
    [info] = api.get_paths_info(repo, ["evil.pkl"], expand=True)
    assert info.security.status == "unsafe"
    [plain] = api.get_paths_info(repo, ["evil.pkl"])
    assert plain.security is None
    route = httpx2.get(f"{hub.url}/api/models/{repo}/scan", timeout=240)
    assert route.json() == {"scansDone": True, "filesWithIssues": [{"path": "evil.pkl", "level": "unsafe"}]}


def test_a_large_file_is_scanned_too(hub: RunningHub) -> None:
    api = HfApi(endpoint=hub.url, token=hub.token)
    repo = api.create_repo("tester/large").repo_id
    api.upload_file(path_or_fileobj=torch_file(HOSTILE + b"\0" * (12 << 20)), path_in_repo="m.pt", repo_id=repo)
    assert wait_for_scan(api, repo)["filesWithIssues"] == [{"path": "m.pt", "level": "unsafe"}]
