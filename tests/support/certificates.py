"""A certificate for loopback servers."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen
class Pems:
    """A certificate for 127.0.0.1 with its key, and the certificate of the authority that signed it."""

    authority: Path
    cert: Path
    key: Path
