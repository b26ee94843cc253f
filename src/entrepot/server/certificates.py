"""The certificate a server shows, and how a renewed one is noticed."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from entrepot.errors import ConfigError
from entrepot.server.log_format import render

LOOK_EVERY_S = 2.0
"""How often the two files are looked at."""

_log = logging.getLogger("entrepot.server")

Stamp = tuple[tuple[int, int, int], ...]


@attrs.frozen
class Certificate:
    """Two PEM files: a certificate with its chain, and its private key without a password."""

    cert: Path
    key: Path

    def check(self) -> None:
        """Check that a server can use the files for TLS.

        Raises:
            ConfigError: a file cannot be read, is no PEM, or they do not belong together.
        """
        try:
            # An encrypted key would be asked about on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.cert, self.key, password=lambda: b"")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = f"cannot speak TLS with {self.cert} and {self.key}: {error}"
            raise ConfigError("tls_cert/tls_key", "files named there", reason) from error

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
