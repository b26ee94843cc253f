from __future__ import annotations

import json
from pathlib import Path

import attrs

from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import Site
from tests.support.machines import create_team, published


def test_to_hub_says_what_it_copied(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    site = Site.create(entrepot_hub, tmp_path)
    team = attrs.evolve(create_team(tmp_path), environ=site.environ(site.user.token))
    machine = published(team, a=f"{site.user.name} a")
    rehearsed = json.loads(machine.ok("datasets", "to-hub", "x", site.url, "--dry-run", "--json"))
    assert (
        rehearsed["versions"][0] | {"tag": "vision__images__x__1", "sha": "", "new": True} == rehearsed["versions"][0]
    )
    assert machine.ok("datasets", "to-hub", "x", site.url).startswith("vision__images__x__1: 1 object, ")
    assert machine.ok("datasets", "to-hub", "x", site.url) == "vision__images__x__1: is on the hub already\n"


def test_a_url_that_is_no_hub_is_refused(entrepot_hub: RunningHub, tmp_path: Path) -> None:
    machine = published(create_team(tmp_path), a="a")
    refused = machine.run("datasets", "to-hub", "x", "https://127.0.0.1:9/a/b.git?x")
    assert refused.code == 1
    assert "HUB/NAMESPACE" in refused.err
