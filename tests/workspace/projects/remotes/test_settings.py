from pathlib import Path

import pytest

from entrepot.errors import UrlRefused
from entrepot.workspace.configuration.settings_edits import ConfigFile
from entrepot.workspace.entities.kinds import DATASETS
from entrepot.workspace.projects.remotes.settings import set_remote


def test_git_urls_and_namespaces_replace_each_other(tmp_path: Path) -> None:
    file = ConfigFile(tmp_path / "config.yaml", tmp_path)
    first = set_remote(file, DATASETS, "git@host:a/b.git", folder=tmp_path)
    assert (first.old, first.is_hub) == (None, False)
    second = set_remote(file, DATASETS, "hub+https://hub.example.org/alice/", folder=tmp_path)
    assert (second.url, second.old, second.is_hub) == ("https://hub.example.org/alice", "git@host:a/b.git", True)
    third = set_remote(file, DATASETS, "git@host:a/b.git", folder=tmp_path)
    assert third.old == "https://hub.example.org/alice"
    with pytest.raises(UrlRefused):
        set_remote(file, DATASETS, "ext::sh -c x", folder=tmp_path)
