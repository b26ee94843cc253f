"""Kill a hub in the middle of each kind of operation: ``python -m benchmarks.kill_points [--quick] [--out FILE]``.

Each operation (a commit, uploads, pushes, merges, moves, deletions, jobs, commands of operators, clients of several
kinds) is done once undisturbed, which tells how long it takes. Then it is done again and again, and at moments spread
over this time the server is killed (SIGKILL), and with it the command of the operator, if it is one. The server starts
again at once, and clients may go on. Then ``entrepot fsck`` must find no damage, what was acknowledged must be there
byte for byte, what was not must be there as a whole or not at all, and the operation must succeed when it is repeated.
At the end, ``fsck --deep`` finds nothing, no job has failed for good, two runs of ``gc`` leave nothing for a third one
and no temporary file, and the usage of every namespace is the sum of what git finds in clones of its repositories and
of the large files that pointers name. ``folder``: SQLite and a local folder; ``bucket``: PostgreSQL and SeaweedFS;
``commands``: operations of operators, and of other kinds of clients. ``benchmarks.kills`` has what goes on always.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs
import httpx2

from benchmarks.backends import running_backends
from benchmarks.benches import conduct
from benchmarks.kill_commands import (
    AssetHubCommit,
    Backup,
    FlowPush,
    Migration,
    Purge,
    Restore,
    Scrub,
    Sweep,
    VersionPush,
)
from benchmarks.kills import Findings, sweep_all, variables
from benchmarks.results import Figure
from entrepot import testing
from entrepot.testing.hubs import RunningHub
from tests.support import warm_commands
from tests.support.killed_operations import (
    Chunks,
    Commit,
    Conversion,
    Deletion,
    Halfway,
    LargeFile,
    Merge,
    Operation,
    PartsOfLargeFile,
    Push,
    Rename,
    SquashMerge,
    Stage,
    SuperSquash,
    Transfer,
)
from tests.support.warm_commands import Command
from tests.support.warm_servers import start_servers_warm

REQUESTS: tuple[type[Operation], ...] = (
    *(Commit, LargeFile, PartsOfLargeFile, Chunks, Push, Merge, SquashMerge, SuperSquash, Rename, Transfer, Deletion),
    Conversion,
)
COMMANDS: tuple[type[Operation], ...] = (
    *(Sweep, Purge, Scrub, Backup, Restore, Migration, AssetHubCommit, FlowPush, VersionPush),
)
_THEMES = {
    "folder": REQUESTS,
    "folder, commands": COMMANDS,
    "bucket": REQUESTS,
    "bucket, commands": COMMANDS,
}
_POINTS = {"folder": 3, "bucket": 1}
_QUICK = 1
_POINTER = 1024
_POINTED = re.compile(rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n")


@attrs.define
class _Outcomes:
    """What has happened; each number but the first three should be 0."""

    kills: int = 0
    in_the_middle: int = 0
    acknowledged: int = 0
    lost: int = 0
    halves: int = 0
    damage: int = 0
    failed_retries: int = 0


def main() -> None:
    """Run the kills and exit."""
    start_servers_warm()  # a start takes a tenth of the time, and nothing else differs
    conduct("kill_points", __doc__, list(_THEMES), measure)


def measure(theme: str, is_quick: bool) -> Iterator[Figure]:
    """Yield the figures of all operations on one kind of store."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="entrepot-kill-points-")))
        kind_of_store = theme.partition(",")[0]
        places = _new_places(kind_of_store, stack)
        options = {name.removeprefix("ENTREPOT_").lower(): value for name, value in places().items()}
        if options:
            options["scratch"] = str(folder / "scratch")
        hub = stack.enter_context(
            testing.hub(chunk_delay_s=0, gc_grace_s=86_400, part_size=5 << 20, multipart_threshold=10 << 20, **options)
        )
        environ = {f"ENTREPOT_{name.upper()}": value for name, value in options.items()}
        environ["ENTREPOT_DATA"] = str(hub.data)
        stack.enter_context(variables(environ))
        stage, found = Stage(hub, folder, environ, places), Findings()
        total = _Outcomes()
        for kind in _THEMES[theme]:
            outcomes = _run(kind(stage), _QUICK if is_quick else _POINTS[kind_of_store], found)
            for field in attrs.fields_dict(_Outcomes):
                setattr(total, field, getattr(total, field) + getattr(outcomes, field))
            yield Figure(theme, f"{kind.name}: killed before its end", outcomes.in_the_middle, f"of {outcomes.kills}")
        sweep_all(hub, found)
        hub.start()
        wrong = _wrong_sums(folder, hub)
    for note in wrong:
        found.note(note)
    yield Figure(theme, "kills", total.kills, "")
    yield Figure(theme, "operations acknowledged although the server was killed", total.acknowledged, "")
    yield Figure(theme, "acknowledged and lost", total.lost, "", 0)
    yield Figure(theme, "neither done nor undone", total.halves, "", 0)
    yield Figure(theme, "findings of damage by fsck", total.damage, "", 0)
    yield Figure(theme, "operations that failed when done again", total.failed_retries, "", 0)
    yield Figure(theme, "quotas that differ from what is stored", len(wrong), "", 0)
    yield Figure(theme, "leftovers after gc", found.leftovers, "", 0)


def _new_places(kind_of_store: str, stack: contextlib.ExitStack) -> Callable[[], Mapping[str, str]]:
    """Return a function that makes new stores of one kind and returns their settings; none for folders."""
    if kind_of_store == "folder":
        return dict
    backends, numbers = stack.enter_context(running_backends("kill-points")), itertools.count()

    def make() -> Mapping[str, str]:
        return {
            "ENTREPOT_DATABASE": backends.database.url(backends.database.create()),
            "ENTREPOT_STORE": f"s3://shared/points{next(numbers)}?endpoint={backends.s3.url}",
        }

    return make


def _run(operation: Operation, points: int, found: Findings) -> _Outcomes:
    """Kill one kind of operation at several moments."""
    outcomes = _Outcomes()
    print(f"  {operation.name}", file=sys.stderr, flush=True)
    operation.begin()
    operation.act()  # with everything imported and cached
    operation.begin()
    took_s = operation.time()
    assert operation.state(), f"{operation.name} does nothing"
    for point in range(points):
        operation.begin()
        _kill_once(operation, took_s * (point + operation.dice.random()) / points, outcomes, found)
    return outcomes


def _kill_once(operation: Operation, after_s: float, outcomes: _Outcomes, found: Findings) -> None:
    hub, errors = operation.stage.hub, list[BaseException]()

    def act() -> None:
        try:
            operation.act()
        except Exception as error:  # noqa: BLE001 -- whatever a client says, it was not acknowledged
            errors.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    time.sleep(after_s)
    is_over = not thread.is_alive()
    hub.kill()
    operation.kill()
    hub.start()
    thread.join()
    outcomes.kills += 1
    outcomes.in_the_middle += not is_over
    outcomes.acknowledged += not errors
    where = f"{operation.name}, turn {operation.turn}, killed after {after_s:.2f} s"
    checked = warm_commands.run(Command("entrepot.cli.main:run", ("fsck", "--quick", "--json"), dict(os.environ)), 900)
    if checked.returncode != 0:
        outcomes.damage += 1
        found.note(f"{where}: fsck: {checked.stdout[:1000]} {checked.stderr[:1000]}")
    try:
        is_done = operation.state()
        if not errors and not is_done:
            outcomes.lost += 1
            found.note(f"{where}: acknowledged and lost")
        if operation.is_repeatable or not is_done:
            operation.act()
        if not operation.state():
            raise AssertionError("it has no effect")
    except Halfway as error:
        outcomes.halves += 1
        found.note(f"{where}: {error}")
    except Exception as error:  # noqa: BLE001 -- counted, with all that is known of it
        outcomes.failed_retries += 1
        more = getattr(error, "stderr", None) or getattr(getattr(error, "response", None), "text", "")
        found.note(f"{where}, done again: {traceback.format_exc()[-1500:]} {more!r}")


def _wrong_sums(folder: Path, hub: RunningHub) -> list[str]:
    """Return the namespaces whose usage differs from the sum of what clones of their repositories have and name."""
    stored: dict[str, int] = {}
    with httpx2.Client(base_url=hub.url, headers={"authorization": f"Bearer {hub.token}"}, trust_env=False) as client:
        for kind in ("models", "datasets"):
            for row in client.get(f"/api/{kind}?limit=1000").raise_for_status().json():
                owner, place = row["id"].partition("/")[0].partition(".")[0], row["id"]
                host = f"http://tester:{hub.token}@{hub.url.removeprefix('http://')}"
                url = f"{host}/{place}" if kind == "models" else f"{host}/{kind}/{place}"
                stored[owner] = stored.get(owner, 0) + _size_of_clone(folder / f"{kind}-{place.replace('/', '-')}", url)
    wrong = []
    for owner, size in stored.items():
        asked = Command("entrepot.cli.main:run", ("admin", "quotas", "show", owner, "--json"), dict(os.environ))
        used = json.loads(warm_commands.run(asked, 900).stdout)["used_bytes"]
        if used != size:
            wrong.append(f"quota of {owner}: {used:,} bytes, clones: {size:,} bytes")
    return wrong


def _size_of_clone(folder: Path, url: str) -> int:
    """Return the bytes of all objects of a repository, and of the large files that their pointers name."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "GIT_TERMINAL_PROMPT": "0"}

    def git(*words: str, given: bytes = b"") -> bytes:
        return subprocess.run(["git", *words], env=environ, input=given, stdout=subprocess.PIPE, check=True).stdout

    git("clone", "-q", "--mirror", url, str(folder))
    rows = [
        row.split() for row in git("-C", str(folder), "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    ]
    small = [oid for oid, kind, size in rows if kind == b"blob" and int(size) < _POINTER]
    texts = git("-C", str(folder), "cat-file", "--batch", given=b"\n".join(small))
    return sum(int(size) for *_, size in rows) + sum(map(int, dict(_POINTED.findall(texts)).values()))


if __name__ == "__main__":
    main()
