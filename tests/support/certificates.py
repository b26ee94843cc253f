"""Certificates for loopback servers, made with OpenSSL."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import attrs

_NEW = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


@attrs.frozen
class Pems:
    """A certificate for 127.0.0.1 with its key, and the certificate of the authority that signed it."""

    authority: Path
    cert: Path
    key: Path

    def renew(self, cert: Path, key: Path) -> None:
        """Replace two files by a new certificate of the same authority and its key."""
        with tempfile.TemporaryDirectory(dir=cert.parent) as name:
            signed, secret = _issue(self.authority, Path(name))
            secret.replace(key)
            signed.replace(cert)


def make_certificates(folder: Path) -> Pems:
    """Create an authority and a certificate for 127.0.0.1 in a folder."""
    _openssl(f"req -x509 {_NEW} -days 2 -subj /CN=authority -keyout authority.key -out authority.pem", folder)
    return Pems(folder / "authority.pem", *_issue(folder / "authority.pem", folder))


def make_self_signed(folder: Path, *, is_authority: bool) -> Pems:
    """Create a certificate for 127.0.0.1 that signs itself, as an authority or not; clients trust it by name."""
    (folder / "request").write_text("[req]\ndistinguished_name=name\n[name]\n")
    kind = "TRUE" if is_authority else "FALSE"
    names = f"-addext subjectAltName=IP:127.0.0.1,DNS:localhost -addext basicConstraints=critical,CA:{kind}"
    files = "-keyout own.key -out own.pem"
    _openssl(f"req -x509 -config request {_NEW} -days 2 -subj /CN=127.0.0.1 {names} {files}", folder)
    return Pems(folder / "own.pem", folder / "own.pem", folder / "own.key")


def _openssl(words: str, folder: Path) -> None:
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


def _issue(authority: Path, folder: Path) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 and its key."""
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    _openssl(f"req {_NEW} -subj /CN=hub -keyout hub.key -out hub.csr", folder)
    signer = f"-CA {authority} -CAkey {authority.with_suffix('.key')} -CAcreateserial"
    _openssl(f"x509 -req -days 2 -in hub.csr {signer} -extfile names -out hub.pem", folder)
    return folder / "hub.pem", folder / "hub.key"
