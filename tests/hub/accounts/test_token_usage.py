from __future__ import annotations

from typing import Any

import pytest

from entrepot.catalog.accounts import tokens as token_rows
from entrepot.hub.accounts.token_usage import EVERY_MS, TokenUsage
from tests.support.worlds import World


def used_ms(world: World) -> int | None:
    used: int | None = world.alice.token.used_ms
    return used


def use(world: World, uses: TokenUsage) -> None:
    uses.note(world.alice.token, world.clock())
    uses.flush(world.hub)


def test_a_use_is_recorded_once_an_hour(world: World) -> None:
    uses, start = TokenUsage(), world.clock()
    assert used_ms(world) is None
    use(world, uses)
    world.clock.advance(EVERY_MS - 1)
    use(world, uses)
    assert used_ms(world) == start
    world.clock.advance(1)
    use(world, uses)
    assert used_ms(world) == start + EVERY_MS


def test_only_the_first_use_is_urgent(world: World) -> None:
    uses = TokenUsage()
    uses.note(world.alice.token, world.clock())
    assert uses.has_first
    uses.flush(world.hub)
    assert not uses.has_first
    world.clock.advance(EVERY_MS)
    uses.note(world.alice.token, world.clock())
    assert not uses.has_first
    uses.flush(world.hub)
    assert used_ms(world) == world.clock()


def test_two_processes_write_one_use(world: World) -> None:
    start, known = world.clock(), world.alice.token
    first, second = TokenUsage(), TokenUsage()
    first.note(known, start)
    second.note(known, start + 5)
    first.flush(world.hub)
    second.flush(world.hub)
    assert used_ms(world) == start


def test_uses_that_cannot_be_written_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any, **_more: Any) -> None:
        raise ZeroDivisionError

    uses = TokenUsage()
    uses.note(world.alice.token, 7)
    with monkeypatch.context() as broken:
        broken.setattr(token_rows, "note_use", fail)
        with pytest.raises(ZeroDivisionError):
            uses.flush(world.hub)
    uses.flush(world.hub)
    assert used_ms(world) == 7


def test_a_deleted_token_is_skipped(world: World) -> None:
    uses, token = TokenUsage(), world.alice.token
    uses.note(token, 7)
    with world.hub.write() as tx:
        token_rows.remove(tx, token.uid)
    uses.flush(world.hub)
    with world.hub.read() as tx:
        assert token.uid not in [item.uid for item in token_rows.of_user(tx, token.user_id)]
