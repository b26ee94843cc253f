import pytest

from entrepot.errors import Malformed
from entrepot.wire.files.bulk_downloads import BulkDownloadFile, BulkDownloadHeader, encode_contents, read_contents

HEAD = BulkDownloadHeader(
    commit="c" * 40,
    files=[BulkDownloadFile(path="a\n.txt", size=2, etag="1"), BulkDownloadFile(path="b", size=0, etag="2")],
    left=["big.bin"],
)


def test_encoded_contents_are_read_again() -> None:
    head, files = read_contents(encode_contents(HEAD, [b"\n\n", b""]))
    assert head == HEAD
    assert [(file.path, data) for file, data in files] == [("a\n.txt", b"\n\n"), ("b", b"")]


def test_the_bytes_stand_behind_one_line_of_json() -> None:
    head = BulkDownloadHeader(commit="c", files=[BulkDownloadFile(path="a", size=1, etag="e")], left=[])
    assert encode_contents(head, [b"x"]) == (b'{"commit":"c","files":[{"path":"a","size":1,"etag":"e"}],"left":[]}\nx')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json\n",
        b'{"commit":"c","files":[],"left":[]}',
        b'{"commit":"c","files":[],"left":[]}\nx',
        b'{"commit":"c","files":[{"path":"a","size":2,"etag":"e"}],"left":[]}\nx',
        b'{"commit":"c","files":[{"path":"a","size":-1,"etag":"e"},{"path":"b","size":1,"etag":"e"}],"left":[]}\n',
        b'{"commit":"c","files":"\xff","left":[]}\n',
    ],
)
def test_an_answer_that_was_cut_or_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_contents(body)
