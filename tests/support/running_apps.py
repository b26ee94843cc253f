"""Applications that are served in a thread of the process of the tests."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future

from starlette.types import ASGIApp

from entrepot.server.addresses import Address, reserved
from entrepot.server.certificates import Certificate
from entrepot.server.hosting import Limits, StopSignal, run_app, run_in_new_loop

AFTER_CANCEL_S = 10.0


@contextlib.contextmanager
def running(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    limits: Limits | None = None,
    certificate: Certificate | None = None,
) -> Iterator[Address]:
    """Run a server in a thread of this process; stop it on exit.

    Raises:
        ConfigError: the server cannot listen on the address.
        Any error that the application raised during startup.
    """
    with reserved(host, port) as address:
        patience = limits or Limits(grace_s=5.0)
        up: Future[tuple[asyncio.AbstractEventLoop, StopSignal]] = Future()

        async def main() -> None:
            stop = StopSignal()
            here = (asyncio.get_running_loop(), stop)
            await run_app(app, address, patience, stop, lambda: up.set_result(here), certificate)

        def live() -> None:
            try:
                run_in_new_loop(main)
            except BaseException as error:  # carried to the thread that waits
                if up.done():
                    raise
                up.set_exception(error)

        thread = threading.Thread(target=live, name="entrepot-server", daemon=True)
        thread.start()
        try:
            loop, stop = up.result()
            try:
                yield address
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                    loop.call_soon_threadsafe(stop.ask)
        finally:
            thread.join(patience.drain_s + patience.grace_s + AFTER_CANCEL_S)
