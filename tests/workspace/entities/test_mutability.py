import pytest

from entrepot.errors import InvalidName
from entrepot.workspace.entities.mutability import Mutability, parse_mutability


def test_strict_and_flexible_files_are_read_only() -> None:
    assert [Mutability(word).file_mode(is_executable=False) for word in ("strict", "flexible", "mutable")] == [
        0o444,
        0o444,
        0o644,
    ]
    assert Mutability.STRICT.file_mode(is_executable=True) == 0o555
    assert not Mutability.MUTABLE.locks_files


def test_another_word_is_refused() -> None:
    assert parse_mutability("flexible") is Mutability.FLEXIBLE
    with pytest.raises(InvalidName, match="strict, flexible or mutable"):
        parse_mutability("rigid")
