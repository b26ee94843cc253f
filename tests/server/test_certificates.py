from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from entrepot.errors import ConfigError
from entrepot.server import certificates
from entrepot.server.addresses import Address
from entrepot.server.certificates import Certificate, is_authority, renewals
from entrepot.server.hosting import Limits
from tests.support.certificates import Pems, make_self_signed
from tests.support.running_apps import running


async def count_bytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body."""
    if scope["type"] != "http":
        return
    total, more = 0, True
    while more:
        message = await receive()
        total += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(total).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def pair(pems: Any, tmp_path: Path) -> Certificate:
    """Files of one's own, to be renewed."""
    mine = Certificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    shutil.copy(pems.cert, mine.cert)
    shutil.copy(pems.key, mine.key)
    return mine


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LOOK_EVERY_S", 0.01)


def shown(address: Address) -> bytes:
    """The certificate that a new connection sees."""
    pem = ssl.get_server_certificate((address.ip, address.port))
    return ssl.PEM_cert_to_DER_cert(pem)


def until_shown(address: Address, leaf: bytes) -> None:
    """Ends when only this certificate is shown: a server that still accepts would be met sooner or later."""
    for _ in itertools.takewhile(lambda seen: seen < 20, _streak(address, leaf)):
        pass


def _streak(address: Address, leaf: bytes) -> Iterator[int]:
    seen = 0
    while True:
        try:
            seen = seen + 1 if shown(address) == leaf else 0
        except OSError:  # met the old server at the moment of its end
            seen = 0
        yield seen


def test_new_handshakes_see_a_renewed_certificate_while_old_connections_work(pems: Any, pair: Certificate) -> None:
    trusted = ssl.create_default_context(cafile=pems.authority)
    brief = Limits(retire_s=0.1)
    with running(count_bytes, certificate=pair, limits=brief) as plain, httpx2.Client(verify=trusted) as idle:
        url = f"https://{plain.ip}:{plain.port}/"
        assert idle.post(url, content=b"123").text == "3"
        old = http.client.HTTPSConnection(plain.ip, plain.port, context=trusted, timeout=240)
        old.putrequest("PUT", "/")
        old.putheader("Content-Length", "10")
        old.endheaders()
        old.send(b"12345")
        before = old.sock.getpeercert(binary_form=True)
        for _ in range(2):
            pems.renew(pair.cert, pair.key)
            assert pair.leaf() != before
            until_shown(plain, pair.leaf())
        assert idle.post(url, content=b"1234").text == "4"
        old.send(b"67890")
        assert old.getresponse().read() == b"10"
        assert old.sock is None or old.sock.getpeercert(binary_form=True) == before
        old.close()


def test_no_request_fails_during_renewals(pems: Any, pair: Certificate) -> None:
    trusted = ssl.create_default_context(cafile=pems.authority)
    done = threading.Event()
    failures: list[object] = []

    def ask(url: str) -> None:
        with httpx2.Client(verify=trusted, transport=httpx2.HTTPTransport(verify=trusted, retries=3)) as client:
            while not done.is_set():
                answer = client.post(url, content=b"1" * 1000)
                if answer.text != "1000":
                    failures.append(answer)

    with running(count_bytes, certificate=pair, limits=Limits(grace_s=5, retire_s=0.2)) as plain:
        asking = threading.Thread(target=ask, args=(f"https://{plain.ip}:{plain.port}/",))
        asking.start()
        for _ in range(3):
            pems.renew(pair.cert, pair.key)
            until_shown(plain, pair.leaf())
        done.set()
        asking.join(30)
    assert failures == []


def test_a_connection_that_is_idle_at_a_renewal_is_closed_after_its_next_response(pems: Any, pair: Certificate) -> None:
    trusted = ssl.create_default_context(cafile=pems.authority)
    with running(count_bytes, certificate=pair, limits=Limits(grace_s=5, retire_s=600)) as plain:
        kept = http.client.HTTPSConnection(plain.ip, plain.port, context=trusted, timeout=240)

        def ask() -> str | None:
            kept.request("POST", "/", b"123")
            response = kept.getresponse()
            assert response.read() == b"3"
            return response.getheader("connection")

        assert ask() != "close"
        old = kept.sock
        pems.renew(pair.cert, pair.key)
        while (said := ask()) != "close":  # until the new server has started beside the old one
            assert kept.sock is old
        assert (said, kept.sock) == ("close", None)
        kept.close()


def test_a_server_with_several_certificates_behind_it_stops(pems: Any, pair: Certificate) -> None:
    with running(count_bytes, certificate=pair, limits=Limits(grace_s=60)) as plain:
        silent = socket.create_connection((plain.ip, plain.port))
        pems.renew(pair.cert, pair.key)
        until_shown(plain, pair.leaf())
    silent.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((plain.ip, plain.port))


def test_files_that_do_not_belong_together_wait_for_the_rest(
    pems: Any, pair: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        changes = renewals(pair, pair.stamp())
        following = asyncio.ensure_future(anext(changes))
        key = pair.key.read_bytes()
        pair.key.write_bytes(pems.authority.with_suffix(".key").read_bytes())
        while "certificate.unusable" not in caplog.text:
            await asyncio.sleep(0)
        pair.key.unlink()
        while caplog.text.count("certificate.unusable") < 2:
            await asyncio.sleep(0)
        assert not following.done()
        pair.key.write_bytes(key)
        await following

    asyncio.run(main())
    assert "PRIVATE" not in caplog.text


def test_a_link_that_leads_to_another_file_is_a_renewal(pems: Any, pair: Certificate, tmp_path: Path) -> None:
    linked = Certificate(tmp_path / "live.pem", pair.key)
    linked.cert.symlink_to(pair.cert)
    first = linked.stamp()
    assert first == linked.stamp() != ()
    (tmp_path / "new.pem").write_bytes(pems.cert.read_bytes())
    linked.cert.unlink()
    linked.cert.symlink_to(tmp_path / "new.pem")
    assert linked.stamp() != first


def test_a_text_that_is_no_certificate_has_no_leaf(pair: Certificate) -> None:
    assert pair.leaf() == ssl.PEM_cert_to_DER_cert(pair.cert.read_text())
    pair.cert.write_text("nothing")
    with pytest.raises(ValueError, match="no certificate"):
        pair.leaf()
    with pytest.raises(ConfigError, match="cannot speak TLS"):
        pair.check()


def test_certificates_of_authorities_are_told_from_those_of_servers(pems: Pems, tmp_path: Path) -> None:
    assert is_authority(Certificate(pems.authority, pems.key).leaf())
    assert not is_authority(Certificate(pems.cert, pems.key).leaf())
    for kind in (True, False):
        own = make_self_signed(tmp_path, is_authority=kind)
        assert is_authority(Certificate(own.cert, own.key).leaf()) is kind


def test_bytes_that_are_no_certificate_are_an_error(pems: Pems) -> None:
    whole = Certificate(pems.authority, pems.key).leaf()
    for bad in (b"", b"0", b"0\x82", b"0\x00"):
        with pytest.raises(ValueError, match="no certificate in DER"):
            is_authority(bad)
    for at in range(len(whole)):  # whatever is wrong, no other error
        with contextlib.suppress(ValueError):
            is_authority(whole[:at] + bytes((whole[at] ^ 0x81,)) + whole[at + 1 :])


def test_a_certificate_that_some_clients_refuse_is_served_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in (False, True):
        own = make_self_signed(tmp_path, is_authority=kind)
        Certificate(own.cert, own.key).check()
        assert ("certificate.authority" in caplog.text) is kind
    assert f"file={own.cert}" in caplog.text
