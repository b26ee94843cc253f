import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from entrepot.client.progress import Silent
from entrepot.errors import CannotWrite, InvalidArgument, ObjectsMissing, StorageUnreachable, UrlRefused
from entrepot.workspace.exchange.downloads import _next, download_file, file_name, find_drive_id


class Site(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        status, content, headers = 200, b"content", {}
        if self.path == "/moved/f":
            status, content, headers = 302, b"", {"location": "/f"}
        elif self.path == "/round":
            status, content, headers = 302, b"", {"location": "/round"}
        elif self.path == "/short":
            headers = {"content-length": "100"}
        elif self.path in ("/404", "/403"):
            status = int(self.path[1:])
        self.send_response(status)
        for name, value in ({"content-length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with contextlib.closing(server.socket):
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(60)


def test_a_file_is_fetched_also_from_where_it_has_moved(site: str, tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    assert download_file(f"{site}/f?x=1", tmp_path, Silent()) == tmp_path / "f"
    assert download_file(f"{site}/moved/f", tmp_path / "moved", Silent()).read_bytes() == b"content"
    with pytest.raises(CannotWrite):
        download_file(f"{site}/f", tmp_path, Silent())


def test_failures_say_what_happened(site: str, tmp_path: Path) -> None:
    with pytest.raises(ObjectsMissing):
        download_file(f"{site}/404", tmp_path, Silent())
    for path, reason in (("403", "status 403"), ("round", "redirects more than"), ("short", "cannot reach")):
        with pytest.raises(StorageUnreachable, match=reason):
            download_file(f"{site}/{path}", tmp_path, Silent())
    with pytest.raises(StorageUnreachable):
        download_file("http://127.0.0.1:1/x", tmp_path, Silent())


def test_addresses_are_checked(tmp_path: Path) -> None:
    for url in ("file:///etc/passwd", "ftp://h/x", "http:///x", "https://h/\n", "x", "http://[x"):
        with pytest.raises(UrlRefused):
            download_file(url, tmp_path, Silent())
    with pytest.raises(UrlRefused, match="must not leave https"):
        _next("https://h/a", "http://h/a")
    with pytest.raises(UrlRefused):
        _next("https://h/a", "file:///etc/passwd")
    assert _next("https://h/a", "b") == "https://h/b"


def test_the_name_of_a_file_is_the_last_part_of_its_address() -> None:
    assert file_name("https://h/a/b%20c.zip?x#y") == "b c.zip"
    assert file_name("https://h/a%2F..%2Fb") == "b"
    assert file_name("https://h/") == "download"
    for url in ("https://h/a/..", "https://h/.git", "https://h/a%00b"):
        with pytest.raises(InvalidArgument):
            file_name(url)


def test_addresses_of_drive_are_known() -> None:
    for path in (
        "drive/folders/ID-1_x",
        "drive/u/0/folders/ID-1_x?usp=sharing",
        "file/d/ID-1_x/view",
        "open?id=ID-1_x",
    ):
        assert find_drive_id(f"https://drive.google.com/{path}") == "ID-1_x"
    for url in ("https://drive.google.com.evil.org/file/d/x", "http://drive.google.com/file/d/x", "https://h/file/d/x"):
        assert find_drive_id(url) is None
