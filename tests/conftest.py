"""What tests of several rooms need."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import attrs
import pytest


@attrs.frozen
class Pems:
    """A certificate for 127.0.0.1 with its key, and that of the authority that signed it."""

    authority: Path
    cert: Path
    key: Path


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """Made anew for each run, so that none is ever out of date or worth stealing."""
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
