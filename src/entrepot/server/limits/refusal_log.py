"""The log of refused requests under load: the first of each second in full, the others summed up in one line."""

from __future__ import annotations

import asyncio
import logging

from entrepot.server.log_format import render

SUM_UP_AFTER_S = 1.0


class RefusalLog:
    """A log that sums up the refusals of each second. Belongs to one event loop."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._further: dict[str, int] = {}

    def is_first(self, address: str) -> bool:
        """Count a refusal; return whether it is to be logged like any other request."""
        if address in self._further:
            self._further[address] += 1
            return False
        if not self._further:
            asyncio.get_running_loop().call_later(SUM_UP_AFTER_S, self.sum_up)
        self._further[address] = 0
        return True

    def sum_up(self) -> None:
        """Log the number of further refusals from each address, and reset the counts."""
        counts, self._further = self._further, {}
        for address, count in counts.items():
            if count:
                self._log.info(render("requests.refused", more=count, reason="bodies", address=address or None))
