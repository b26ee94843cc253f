from __future__ import annotations

import pytest

from entrepot.errors import InvalidName
from entrepot.hub.repos.pulls import pull_refs
from entrepot.server.pages.editing.commit_forms import fields_of, parent_of
from entrepot.server.pages.forms import FRESH, Form
from tests.support.served_hub import ServedHub


def test_the_parent_is_the_last_one_and_a_whole_id() -> None:
    assert parent_of(Form({"parent": ["a" * 40, "b" * 40]})) == "b" * 40
    for text in ("", "main", "a" * 39, "A" * 40):
        with pytest.raises(InvalidName):
            parent_of(Form({"parent": [text]}))


def test_who_may_write_commits_and_others_propose(site: ServedHub) -> None:
    ref = site.repo("offered")
    own = pull_refs.find_target(site.hub, site.caller(), ref, "main")
    foreign = pull_refs.find_target(site.hub, site.hub.identify(site.bob), ref, "main")
    found = fields_of(own, FRESH, "Update")
    assert (found.branch, found.may_commit, found.may_propose, found.as_pull) == ("main", True, True, False)
    assert fields_of(own, Form({"how": ["pull"]}), "Update").as_pull
    found = fields_of(foreign, FRESH, "Update")
    assert (found.may_commit, found.may_propose, found.as_pull) == (False, True, True)
