from __future__ import annotations

import msgspec

from entrepot.wire.repos.histories import FormattedMessage, LogAuthor, LogEntry, SquashRequest, SquashResponse

ENTRY = LogEntry(id="ab", title="t", message="m", authors=[LogAuthor(user="alice")], date="2024-05-01T12:34:56.789Z")


def test_an_entry_has_every_key_that_clients_index() -> None:
    assert msgspec.json.encode(ENTRY) == (
        b'{"id":"ab","title":"t","message":"m","authors":[{"user":"alice","avatar":""}],'
        b'"date":"2024-05-01T12:34:56.789Z"}'
    )


def test_a_formatted_entry_reads_back() -> None:
    entry = msgspec.structs.replace(ENTRY, formatted=FormattedMessage(title="&lt;t&gt;", message=""))
    assert msgspec.json.decode(msgspec.json.encode(entry), type=LogEntry) == entry


def test_a_squash_needs_no_message_and_names_its_commit() -> None:
    assert msgspec.json.decode(b"{}", type=SquashRequest) == SquashRequest(message=None)
    assert msgspec.json.encode(SquashResponse(commit_id="ab")) == b'{"commitId":"ab"}'
