from __future__ import annotations

import pytest

from entrepot.hub.host_slots import PER_HOST, HostSlots


def test_each_host_has_a_few_slots_that_come_back() -> None:
    slots = HostSlots()
    assert [slots.take("a") for _ in range(PER_HOST + 1)] == [True] * PER_HOST + [False]
    assert slots.take("b")
    slots.release("a")
    assert slots.take("a")
    assert not slots.take("a")
    for host in (*["a"] * PER_HOST, "b"):
        slots.release(host)
    assert slots._used == {}
    with pytest.raises(KeyError):
        slots.release("a")
