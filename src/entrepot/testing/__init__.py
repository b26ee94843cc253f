"""A real hub inside a test or a notebook.

Importing this room is cheap: everything that starts a hub is imported when
one is asked for, because pytest loads the plugin in every project.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entrepot.testing.hubs import RunningHub

__all__ = ["hub"]


def hub(**settings: object) -> AbstractContextManager[RunningHub]:
    """A running hub of one's own: a server process on a free loopback port with its data in a temporary folder.

    Args:
        settings: those of a hub by name (``max_inline_file="1MiB"``,
            ``workers=2``); all but ``data``, which is the temporary folder.

    Guarantees: on leaving, the process has ended and the folder is gone. When
    the process that asked for it dies, the hub ends by itself.

    Raises:
        ConfigError: a setting is unknown or its value cannot be used.
        Refused: the hub did not start; the message ends with what it said.

    Example::

        with entrepot.testing.hub() as hub:
            api = HfApi(endpoint=hub.url, token=hub.token)
    """
    from entrepot.testing.hubs import running

    return running(settings)
