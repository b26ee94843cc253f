from __future__ import annotations

import shutil
from pathlib import Path

from entrepot.testing.hubs import RunningHub
from tests.support.hub_sites import Site, create, publish


def test_contents_that_the_hub_has_lost_are_sent_again_or_named(entrepot_fresh_hub: RunningHub, tmp_path: Path) -> None:
    site = Site.create(entrepot_fresh_hub, tmp_path)
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "strict", site.files)
    publish(machine, "datasets", "x")
    assert "total verified : 4 object(s)" in machine.ok("datasets", "remote-fsck", "x")
    assert "fixed   : 0 object(s)" in machine.ok("datasets", "remote-fsck", "x", "--paranoid")


def test_damage_on_the_hub_is_an_exit_code(entrepot_fresh_hub: RunningHub, tmp_path: Path) -> None:
    site = Site.create(entrepot_fresh_hub, tmp_path)
    machine = site.machine("ann", "datasets")
    create(machine, "datasets", "x", "strict", site.files)
    publish(machine, "datasets", "x")
    entrepot_fresh_hub.stop()
    for folder in ("files", "xorbs"):
        shutil.rmtree(entrepot_fresh_hub.data / "blobs" / folder, ignore_errors=True)
    entrepot_fresh_hub.start()
    found = machine.run("datasets", "remote-fsck", "x", "--paranoid")
    print(found)
    assert found.code == 4
