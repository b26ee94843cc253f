from __future__ import annotations

import datetime

from entrepot.hf.shapes.refs import GitRefInfo, commit_of, refs_of
from entrepot.wire.repos.histories import FormattedMessage, LogAuthor, LogEntry
from entrepot.wire.repos.refs import Ref, Refs


def test_refs() -> None:
    ref = Ref(name="main", ref="refs/heads/main", target_commit="c" * 40)
    found = refs_of(Refs(branches=[ref], converts=[], tags=[], pull_requests=[ref]))
    assert found.branches == found.pull_requests == [GitRefInfo("main", "refs/heads/main", "c" * 40)]
    assert refs_of(Refs(branches=[], converts=[], tags=[])).pull_requests is None


def test_commits() -> None:
    entry = LogEntry(id="c", title="t", message="m", authors=[LogAuthor(user="ann")], date="2024-01-01T00:00:00.000Z")
    found = commit_of(entry)
    assert (found.authors, found.formatted_title, found.formatted_message) == (["ann"], None, None)
    assert found.created_at == datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    html = LogEntry(
        **{name: getattr(entry, name) for name in entry.__struct_fields__}
        | {"formatted": FormattedMessage(title="<b>", message="")}
    )
    assert commit_of(html).formatted_title == "<b>"
