from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_a_hub_that_trusts_no_issuer_says_so(at_hub: Run, made: str) -> None:
    assert at_hub("repo", "publisher", "list", made).out == ""
    assert at_hub("repo", "publisher", "list", made, "--json").json == []
    options = ("--name", "ci", "--issuer", "https://ci.example", "--claim", "sub=x")
    refused = at_hub("repo", "publisher", "add", made, *options, "--read-only")
    assert refused.code == 1
    assert "base_url" in refused.err
    for wrong in (("--claim", "ref"), ("--claim", "sub=y"), ("--claim", "=x")):
        misused = at_hub("repo", "publisher", "add", made, *options, *wrong)
        assert misused.code == 2
        assert "write NAME=PATTERN, each name once" in misused.err
    gone = at_hub("repo", "publisher", "remove", made, "0" * 24)
    assert gone.code == 1
    assert "trusted publisher" in gone.err
