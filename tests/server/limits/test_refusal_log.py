from __future__ import annotations

import asyncio
import logging

import pytest

from entrepot.server.limits import refusal_log
from entrepot.server.limits.refusal_log import RefusalLog


def test_the_first_refusal_is_logged_and_the_others_are_summed_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> list[bool]:
        refusals = RefusalLog(logging.getLogger("entrepot.access"))
        firsts = [refusals.is_first(address) for address in ("1.2.3.4", "1.2.3.4", "5.6.7.8", "1.2.3.4")]
        refusals.sum_up()
        refusals.sum_up()
        return [*firsts, refusals.is_first("1.2.3.4")]

    assert asyncio.run(main()) == [True, False, True, False, True]
    assert caplog.messages == ["requests.refused more=2 reason=bodies address=1.2.3.4"]


def test_refusals_are_summed_up_without_a_further_one(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(refusal_log, "SUM_UP_AFTER_S", 0)

    async def main() -> None:
        refusals = RefusalLog(logging.getLogger("entrepot.access"))
        for _ in range(2):
            for _ in range(3):
                refusals.is_first("1.2.3.4")
            for _ in range(3):
                await asyncio.sleep(0)

    asyncio.run(main())
    assert caplog.messages == ["requests.refused more=2 reason=bodies address=1.2.3.4"] * 2
