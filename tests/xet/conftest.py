"""Known xorbs, shards and hashes; ``origins`` in ``vectors.json`` gives their sources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.xet_vectors import UPLOADS, VECTORS, Damage, Upload


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "upload" in metafunc.fixturenames:
        metafunc.parametrize("upload", UPLOADS.values(), ids=UPLOADS.keys())
    if "tree" in metafunc.fixturenames:
        cases = VECTORS["merkle_reference"]["cases"]
        metafunc.parametrize("tree", cases, ids=[f"{n}-{len(case['chunks'])}" for n, case in enumerate(cases)])


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return VECTORS


@pytest.fixture(scope="session")
def uploads() -> dict[str, Upload]:
    return UPLOADS


@pytest.fixture(scope="session")
def damage() -> type[Damage]:
    return Damage
