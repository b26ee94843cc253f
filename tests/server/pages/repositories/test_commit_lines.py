from __future__ import annotations

from entrepot.git import Commit, Signature
from entrepot.hub.repos.histories import LoggedCommit
from entrepot.names import Oid
from entrepot.server.pages.repositories.commit_lines import commit_line


def test_a_commit_without_a_message_is_said_to_have_none() -> None:
    by = Signature("alice", "a@example.org", 5, "+0000")
    commit = Commit(Oid("1" * 40), (Oid("2" * 40),), by, by, "")
    found = commit_line(LoggedCommit(Oid("3" * 40), commit))
    assert (found.title, found.author, found.at_ms, found.parents) == ("(no message)", "alice", 5000, ("2" * 40,))
