from __future__ import annotations

from tests.support.commands import Run


def test_a_quota_is_set_and_shown(admin: Run) -> None:
    done = admin("quota", "set", "alice", "--max-bytes", "100GiB", "--max-repos", "50", "--max-file", "10GiB", "--json")
    assert done.json == {
        "namespace": "alice",
        "max_bytes": 100 << 30,
        "max_repos": 50,
        "max_file_bytes": 10 << 30,
        "used_bytes": 0,
        "repos": 0,
    }
    changed = admin("quota", "set", "alice", "--max-repos", "0", "--max-file", "default", "--json").json
    assert (changed["max_bytes"], changed["max_repos"], changed["max_file_bytes"]) == (100 << 30, None, None)
    assert "100.0 GiB" in admin("quota", "show", "alice").out


def test_wrong_quotas_are_refused_with_the_reason(admin: Run, run: Run) -> None:
    assert run("admin", "quota", "set", "alice").code == 2
    assert "64MiB" in run("admin", "quota", "set", "alice", "--max-bytes", "much").err
    assert "nobody" in run("admin", "quota", "show", "nobody").err
