from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

import pytest

from entrepot.errors import InvalidName
from entrepot.hub.webhooks import outbound_http
from entrepot.hub.webhooks.outbound_http import PostTarget, parse_target


def test_a_url_is_parsed() -> None:
    assert parse_target("https://example.org/a/b?c=d") == PostTarget("https", "example.org", 443, "/a/b?c=d")
    assert parse_target("http://[::1]:8000") == PostTarget("http", "::1", 8000, "/")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "localhost.", "LOCALHOST", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"),
        *("0", "0x7f000001", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[::]"),
        *("[2002:7f00:1::]", "[64:ff9b:1::7f00:1]", "[fec0::1]", "169.254.169.254", "2852039166", "0xa9fea9fe"),
    ],
)
def test_no_spelling_of_this_machine_is_reached(host: str) -> None:
    posted = outbound_http.post(parse_target(f"http://{host}:9/"), b"{}", {}, reaches_private=False)
    assert posted.status is None
    assert "webhook_private_targets" in posted.answer or "cannot connect" in posted.answer
    assert "refused" not in posted.answer.lower()


def test_a_closed_port_is_a_result_not_an_error() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        posted = outbound_http.post(PostTarget("http", "127.0.0.1", port, "/"), b"{}", {}, reaches_private=True)
    assert (posted.status, posted.is_welcome) == (None, False)
    assert "cannot connect to 127.0.0.1" in posted.answer


def serve_once(reply: bytes) -> tuple[int, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listener, listener.accept()[0] as peer:
            peer.recv(65_536)
            peer.sendall(reply)

    thread = threading.Thread(target=answer)
    thread.start()
    return listener.getsockname()[1], thread


def post_to(reply: bytes, hidden: Sequence[str] = ()) -> outbound_http.PostResult:
    port, thread = serve_once(reply)
    posted = outbound_http.post(
        PostTarget("http", "127.0.0.1", port, "/"), b"{}", {"X-A": "b"}, reaches_private=True, hidden=hidden
    )
    thread.join()
    return posted


def answer_of(body: bytes, hidden: Sequence[str] = ()) -> str:
    return post_to(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), hidden).answer


def test_redirects_are_not_followed() -> None:
    posted = post_to(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    assert (posted.status, posted.is_welcome) == (302, False)


def test_only_the_beginning_of_an_answer_is_read() -> None:
    body = b"x" * 50_000
    posted = post_to(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + body)
    assert posted.is_welcome
    assert len(posted.answer) == outbound_http.MAX_ANSWER


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"you sent s3cret-word, thanks", "you sent …, thanks"),
        (b"s3cret-words3cret-word", "…"),
        (b"x" * 1_990 + b"s3cret-word" * 20, "x" * 1_990 + "…"),
        ("é".encode() * 998 + b"s3cret-word" * 20, "é" * 998 + "…"),
        (b"s3cret-word" * 1_000, "…"),
        (b"x" * 2_000 + b"s3cret-word", "x" * 2_000),
        (b"s3cret", "s3cret"),
    ],
    ids=["within", "twice", "across the end", "letters of two bytes", "only", "behind", "another"],
)
def test_what_is_hidden_is_in_no_part_of_the_answer(body: bytes, kept: str) -> None:
    assert answer_of(body, ["s3cret-word"]) == kept


def test_an_answer_of_other_bytes_is_text() -> None:
    assert answer_of(b"\x00\xe9ok") == "\ufffd\ufffdok"


def test_a_peer_that_sends_slowly_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound_http, "ANSWER_S", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    gone = threading.Event()

    def drip() -> None:
        with listener, listener.accept()[0] as peer:
            peer.recv(65_536)
            try:
                while not gone.wait(0.01):
                    peer.sendall(b"H")
            except OSError:
                gone.set()

    thread = threading.Thread(target=drip)
    thread.start()
    posted = outbound_http.post(
        PostTarget("http", "127.0.0.1", listener.getsockname()[1], "/"), b"{}", {}, reaches_private=True
    )
    thread.join(60)
    assert gone.is_set()
    assert posted.status is None


def test_a_response_that_is_not_http_is_a_result_not_an_error() -> None:
    posted = post_to(b"220 mail.example.org ESMTP\r\n")
    assert posted.status is None
    assert "no answer" in posted.answer


@pytest.mark.parametrize("rest", ["host:0/", "host:99999/", "[::1/", "ho%20st/", "host/" + "x" * 3000, "host/ x"])
def test_a_refused_url_is_quoted_without_its_password(rest: str) -> None:
    with pytest.raises(InvalidName) as caught:
        parse_target(f"https://alice:hunter2@{rest}")
    assert "hunter2" not in caught.value.message
