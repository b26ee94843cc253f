from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from entrepot.blobs import file_key
from entrepot.hub.house import Hub, open_hub
from entrepot.names import Sha256
from entrepot.settings import Settings

CONTENT = b"bytes that nobody names" * 100
SHA256 = Sha256("5bf70ac7b3f4ad2ba1ea2f9f5cc0a2a6c12d0d5d9cf0ffe3de6df9f0e3e1d0c1")


@pytest.fixture
def hub(data: Path) -> Iterator[Hub]:
    opened = open_hub(Settings(data=data))
    yield opened
    opened.close()
