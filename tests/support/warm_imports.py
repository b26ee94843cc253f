"""What hubs of tests share that are copied from one process, besides the modules of a server.

That process imports this module; see tests/support/warm_servers.py. Compiling the patterns of the routes and making
the tables would take more than half of the start of each hub.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from entrepot.hub.context import open_hub
from entrepot.server import pages
from entrepot.server.app import make_app
from entrepot.settings import Settings
from tests.support.ready_tables import make_tables_quickly
from tests.support.route_paths import share_compiled_paths


def prepare() -> None:
    """Compile and write them by making an application, which is not run, for a hub that is deleted."""
    share_compiled_paths()
    make_tables_quickly()
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.closing(open_hub(Settings(data=Path(folder) / "data"), fsync=False)) as hub:
            make_app(hub)
        pages.routes()


prepare()
