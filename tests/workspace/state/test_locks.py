import os
from pathlib import Path

import pytest

from entrepot.errors import ProjectBusy
from entrepot.workspace.state.locks import exclusive, is_held


def test_a_lock_excludes_others_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "sub/lock"
    assert not is_held(path)
    with exclusive(path, "the project"):
        assert is_held(path)
        with pytest.raises(ProjectBusy, match=f"held by pid {os.getpid()}"), exclusive(path, "it", patience_s=0):
            pass
    assert not is_held(path)
    with exclusive(path, "the project", patience_s=0):
        pass
