from __future__ import annotations

import pytest

from entrepot.blobs.resources import Closing, Discarding


class Handle(Closing):
    def __init__(self) -> None:
        self.ends = 0

    def close(self) -> None:
        self.ends += 1


class Draft(Discarding):
    def __init__(self) -> None:
        self.ends = 0

    def discard(self) -> None:
        self.ends += 1


def test_the_end_of_a_block_closes_a_resource_and_discards_a_sink() -> None:
    with Handle() as handle, Draft() as draft:
        assert (handle.ends, draft.ends) == (0, 0)
    assert (handle.ends, draft.ends) == (1, 1)


def test_an_error_in_the_block_is_passed_on() -> None:
    handle, draft = Handle(), Draft()
    with pytest.raises(KeyError), handle, draft:
        raise KeyError("reason")
    assert (handle.ends, draft.ends) == (1, 1)
