"""The open-file limit of this process, raised as far as the system allows without privileges."""

from __future__ import annotations

import sys
from typing import Final

_HIGHEST: Final = 1_048_576
"""Maximum requested limit: some systems refuse "unlimited"."""
_RESERVED: Final = 1024
"""Files reserved for the database, stored bytes and git, not available to connections."""
_FEWEST_CONNECTIONS: Final = 256
_MAX_CONNECTIONS: Final = 65_536


def raise_open_file_limit() -> int:
    """Raise the soft limit of open files to the hard limit, and return the resulting limit."""
    if sys.platform == "win32":
        return 8192
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = _HIGHEST if hard == resource.RLIM_INFINITY else min(hard, _HIGHEST)
    for wanted in (ceiling, 65_536, 10_240):  # macOS refuses more than its own maximum
        if soft == resource.RLIM_INFINITY or soft >= min(wanted, ceiling):
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, ceiling), hard))
        except (OSError, ValueError):
            continue
        soft = min(wanted, ceiling)
    return _HIGHEST if soft == resource.RLIM_INFINITY else soft


def connection_limit(open_files: int) -> int:
    """Return the maximum number of connections for a process with this limit of open files.

    Args:
        open_files: from :func:`raise_open_file_limit`.
    """
    return max(_FEWEST_CONNECTIONS, min(open_files - _RESERVED, _MAX_CONNECTIONS))
