from __future__ import annotations

import huggingface_hub
from huggingface_hub import constants as theirs

from entrepot.hf import constants
from entrepot.names import parse_repo_type


def test_file_names_equal_those_of_huggingface_hub() -> None:
    mine = {name: value for name, value in vars(constants).items() if name.endswith("_NAME")}
    assert mine == {name: getattr(huggingface_hub, name) for name in mine}
    assert len(mine) == 5


def test_repository_types_equal_those_of_hubs() -> None:
    for name in ("REPO_TYPE_DATASET", "REPO_TYPE_MODEL", "REPO_TYPE_SPACE"):
        value = getattr(constants, name)
        assert value == (getattr(theirs, name) or "model")
        assert parse_repo_type(value).value == value
