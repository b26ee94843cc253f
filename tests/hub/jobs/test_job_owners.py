from __future__ import annotations

import os
import subprocess
import sys

import pytest

from entrepot.hub.jobs import job_owners
from entrepot.hub.jobs.job_owners import has_ended, new_owner

MAKE = "from entrepot.hub.jobs.job_owners import new_owner; print(new_owner(), flush=True); input()"


def test_owners_are_unique_and_fit_their_column() -> None:
    made = {new_owner() for _ in range(3)}
    assert len(made) == 3
    assert all(len(owner) <= 80 for owner in made)


def test_a_process_has_ended_when_it_has() -> None:
    with subprocess.Popen([sys.executable, "-c", MAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().decode().strip()
        assert not has_ended(owner)
        process.kill()
    assert has_ended(owner)


def test_this_process_has_not_ended() -> None:
    assert not has_ended(new_owner())


def test_a_process_that_has_got_the_number_of_another_one_is_not_that_one() -> None:
    host, machine, pid, start, token = new_owner().split(":")
    assert start != "0"
    assert has_ended(f"{host}:{machine}:{pid}:{int(start) - 1}:{token}")


@pytest.mark.parametrize("owner", ["", "strange", "host:1:abcd", "host:elsewhere:1:1:abcd", "a:b:c:d:e"])
def test_processes_of_other_machines_are_not_known(owner: str) -> None:
    assert not has_ended(owner)


def test_a_machine_that_was_started_again_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_owner()
    monkeypatch.setattr(os, "readlink", lambda *_: "pid:[1]")
    job_owners.machine.cache_clear()
    try:
        assert before.split(":")[1] != job_owners.machine()
        assert not has_ended(before)
    finally:
        job_owners.machine.cache_clear()
