import time

from entrepot.workspace.state.rows import settled
from entrepot.workspace.stores import FileState


def test_a_young_file_is_not_trusted() -> None:
    now = time.time_ns()
    old = FileState(1, now - 3_000_000_000, now, 1, 0)
    assert settled(old) == old
    assert settled(FileState(1, now, now, 1, 0)) is None
