from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.errors import InvalidArgument
from entrepot.hf.cards.card_files import metadata_load, metadata_save, read_text, write_text


def test_metadata_are_saved_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_bytes("\ufeff---\r\nlicense: mit\r\n---\r\n# Títle\r\n".encode())
    assert metadata_load(file) == {"license": "mit"}
    metadata_save(file, {"license": "mit", "tags": ["é"]})
    assert file.read_bytes() == "---\r\nlicense: mit\r\ntags:\r\n- é\r\n---\r\n# Títle\r\n".encode()
    assert metadata_load(file) == {"license": "mit", "tags": ["é"]}


def test_a_missing_file_is_created(tmp_path: Path) -> None:
    metadata_save(tmp_path / "new/README.md", {"license": "mit"})
    assert read_text(tmp_path / "new/README.md") == "---\nlicense: mit\n---\n"


def test_a_file_without_metadata_has_none(tmp_path: Path) -> None:
    write_text(tmp_path / "a.md", "# Title\n")
    assert metadata_load(tmp_path / "a.md") is None
    write_text(tmp_path / "a.md", "---\n\n---\n# Title\n")
    assert metadata_load(tmp_path / "a.md") is None


def test_an_invalid_block_raises_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    write_text(file, "---\n- a list\n---\n")
    with pytest.raises(ValueError, match="repo card metadata block should be a dict"):
        metadata_load(file)
    with pytest.raises(InvalidArgument):
        metadata_save(file, {"thing": object()})
    assert read_text(file) == "---\n- a list\n---\n"
