from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from entrepot.client.calls import repos
from entrepot.client.hubs import Hub
from entrepot.client.paths import read_paths
from entrepot.names import RepoId, RepoRef, RepoType
from entrepot.testing.hubs import RunningHub

_NUMBERS = itertools.count(1)


@pytest.fixture
def hub(entrepot_hub: RunningHub, tmp_path: Path) -> Iterator[Hub]:
    """A client of a real hub as the user ``tester``."""
    made = Hub(
        read_paths({"ENTREPOT_ENDPOINT": entrepot_hub.url, "ENTREPOT_HOME": str(tmp_path)}), token=entrepot_hub.token
    )
    yield made
    made.close()


@pytest.fixture
def fresh_repo(hub: Hub) -> Callable[..., RepoRef]:
    """Return a function that creates repositories of ``tester``."""

    def make(kind: RepoType = RepoType.MODEL, visibility: str | None = None) -> RepoRef:
        ref = RepoRef(kind, RepoId("tester", f"calls-{next(_NUMBERS)}"))
        hub.send(repos.create(ref, visibility=visibility, sdk="static" if kind is RepoType.SPACE else None))
        return ref

    return make
