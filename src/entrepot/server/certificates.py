"""The certificate a server shows, and how a renewed one is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from entrepot.errors import ConfigError
from entrepot.server.log_format import render

LOOK_EVERY_S = 2.0
"""Interval at which the two files are checked for changes."""

_log = logging.getLogger("entrepot.server")

_BOOLEAN, _EXTENSIONS = 0x01, 0xA3
_BASIC_CONSTRAINTS = bytes((0x55, 0x1D, 0x13))  # 2.5.29.19

Stamp = tuple[tuple[int, int, int], ...]


@attrs.frozen
class Certificate:
    """Two PEM files: a certificate with its chain, and its private key without a password."""

    cert: Path
    key: Path

    def check(self) -> None:
        """Check that a server can use the files for TLS; log a warning if some clients refuse the certificate.

        Raises:
            ConfigError: a file cannot be read, is no PEM, or they do not belong together.
        """
        try:
            # An encrypted key would be asked about on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert, self.key, password=lambda: b"")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = f"cannot speak TLS with {self.cert} and {self.key}: {error}"
            raise ConfigError("tls_cert/tls_key", "files named there", reason) from error
        with contextlib.suppress(ValueError):  # a form that only OpenSSL reads
            if is_authority(self.leaf()):
                _log.warning(render("certificate.authority", file=str(self.cert), refused_by="hf_xet"))

    def leaf(self) -> bytes:
        """Return the server's own certificate in DER, which is the first one of the file.

        Raises:
            OSError: the file cannot be read.
            ValueError: there is no certificate in it.
        """
        text = self.cert.read_text("ascii", "replace")
        begin = text.find(ssl.PEM_HEADER)
        end = text.find(ssl.PEM_FOOTER, max(begin, 0))
        if begin < 0 or end < 0:
            raise ValueError(f"no certificate in {self.cert}")
        return ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])

    def stamp(self) -> Stamp:
        """A value that changes when one of the files changes or a link leads elsewhere; empty if one is missing."""
        try:
            found = [path.stat() for path in (self.cert, self.key)]
        except OSError:
            return ()
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in found)


def is_authority(certificate: bytes) -> bool:
    """Return whether a certificate (DER) is that of an authority, even if a server uses it as its own.

    OpenSSL accepts such a server if the certificate is trusted; webpki, which hf_xet uses, never does.
    ``openssl req -x509`` makes such certificates unless told ``basicConstraints=CA:FALSE``.

    Raises:
        ValueError: the bytes that were read are not a certificate.

    Source: RFC 5280, sections 4.1 and 4.2.1.9.
    """
    try:
        (_, signed), *_ = _elements(_elements(certificate)[0][1])
        for tag, value in _elements(signed):
            if tag != _EXTENSIONS:
                continue
            for _, extension in _elements(_elements(value)[0][1]):
                (_, name), *others = _elements(extension)
                if name == _BASIC_CONSTRAINTS:
                    # The value is the last element: the flag "critical" may precede it.
                    [(_, constraints)] = _elements(others[-1][1])
                    return any(tag == _BOOLEAN and value != b"\0" for tag, value in _elements(constraints))
    except (IndexError, ValueError) as error:
        raise ValueError("no certificate in DER") from error
    return False


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Return tag and content of the DER elements that follow each other."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            end = at + (length & 0x7F)
            length, at = int.from_bytes(data[at:end]), end
        found.append((tag, data[at : at + length]))
        at += length
    return found


async def renewals(certificate: Certificate, shown: Stamp) -> AsyncIterator[None]:
    """Yield, forever, each time the files have changed and match each other.

    Args:
        shown: the stamp of the files that the server has read.

    Files that do not belong together are left alone until they change again:
    the certificate may be written before its key. That is logged once.
    """
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        stamp = certificate.stamp()
        if stamp == shown:
            continue
        shown = stamp
        try:
            certificate.check()
        except ConfigError as error:
            _log.warning(render("certificate.unusable", error=error.message))
        else:
            yield


async def until_shown(host: str, port: int, leaf: bytes, pause_s: float) -> None:
    """Shake hands until the server at an address shows this certificate (DER); others' failures are tried again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # compared byte by byte below
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port, ssl=context)
        except OSError:
            await asyncio.sleep(pause_s)
            continue
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        if shown == leaf:
            return
        await asyncio.sleep(pause_s)
