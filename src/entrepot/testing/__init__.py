"""A real hub inside a test or a notebook.

Importing this package is cheap, because pytest loads the plugin in every
project: the modules of the server are imported when a hub is started.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entrepot.testing.hubs import RunningHub

__all__ = ["hub"]


def hub(**settings: object) -> AbstractContextManager[RunningHub]:
    """Run a hub: a server process on a free loopback port with its data in a temporary folder.

    Args:
        settings: settings of the hub by name (``max_inline_file="1MiB"``,
            ``workers=2``); all except ``data``, which is the temporary folder.

    Guarantees: after the ``with`` block, the process has ended and the folder is deleted. If
    the process that started the hub dies, the hub stops too.

    Raises:
        ConfigError: a setting is unknown or its value is invalid.
        Refused: the hub did not start; the message ends with its output.

    Example::

        with entrepot.testing.hub() as hub:
            api = HfApi(endpoint=hub.url, token=hub.token)
    """
    from entrepot.testing.hubs import running

    return running(settings)
