"""Fixtures for tests of several packages: a certificate, and a hub with prepared responses."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.certificates import Pems
from tests.support.scripted_hub import Reply, ScriptedHub, _stand


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """Create certificates for this run, so that none can expire or be worth stealing."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("pems")

    def openssl(words: str) -> None:
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)

    new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    openssl(f"req -x509 {new} -days 2 -subj /CN=authority -keyout authority.key -out authority.pem")
    openssl(f"req {new} -subj /CN=hub -keyout hub.key -out hub.csr")
    signer = "-CA authority.pem -CAkey authority.key -CAcreateserial"
    openssl(f"x509 -req -days 2 -in hub.csr {signer} -extfile names -out hub.pem")
    return Pems(folder / "authority.pem", folder / "hub.pem", folder / "hub.key")


@pytest.fixture
def scripted_hub() -> Iterator[ScriptedHub]:
    yield from _stand()


@pytest.fixture
def other_hub() -> Iterator[ScriptedHub]:
    """A hub with another origin."""
    yield from _stand()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply
