"""Each room imports only the rooms and the libraries that its row allows.

The layers contract says who stands above whom; this table says more: which
of the rooms below may be used at all, and where each external tool lives. A
new room or a new library needs a row or a word here, which is the point.
"""

import sys
from collections.abc import Iterator

import grimp
import pytest

GROUND = {"errors", "settings", "names"}
CODECS = {"git", "xet", "cards", "wire"}
SERVER_WING = {"hub", "storage", "catalog", "blobs"}
CLIENT_DOORS = {"hf", "ah", "workspace", "fs"}
EVERYTHING = GROUND | CODECS | SERVER_WING | CLIENT_DOORS | {"server", "worker", "client", "cli"}

# room: (rooms it may import, libraries it may import)
ROOMS: dict[str, tuple[set[str], set[str]]] = {
    "": ({"hf", "ah"}, set()),
    "__main__": ({"cli"}, set()),
    "errors": (set(), {"attrs"}),
    "settings": ({"errors"}, {"msgspec"}),
    "names": ({"errors"}, {"attrs"}),
    "git": ({"errors", "names"}, {"attrs"}),
    "xet": ({"errors", "names"}, {"attrs", "blake3", "lz4", "numpy"}),
    "cards": ({"errors", "names"}, {"attrs", "yaml", "jinja2"}),
    "wire": ({"errors", "names"}, {"attrs", "msgspec"}),
    "blobs": ({"errors", "names"}, {"attrs", "obstore"}),
    "catalog": (GROUND, {"attrs", "sqlalchemy", "alembic"}),
    "storage": (GROUND | {"git", "xet", "blobs", "catalog"}, {"attrs"}),
    "hub": (GROUND | CODECS | {"storage", "catalog", "blobs"}, {"attrs", "argon2"}),
    "server": (
        GROUND | {"hub", "wire", "git"},
        {
            "attrs",
            "msgspec",
            "starlette",
            "granian",
            "uvloop",
            "prometheus_client",
            "jinja2",
            "markupsafe",
            "pyromark",
            "nh3",
            "pygments",
        },
    ),
    "worker": (GROUND | {"hub"}, {"attrs"}),
    "client": (GROUND | CODECS, {"attrs", "msgspec", "httpx2", "hf_xet", "tqdm", "platformdirs"}),
    "hf": (GROUND | {"client", "cards", "wire"}, {"attrs"}),
    "ah": (GROUND | {"client"}, {"attrs"}),
    "workspace": (GROUND | {"client", "blobs"}, {"attrs", "yaml"}),
    "fs": (GROUND | {"client", "wire"}, {"fsspec"}),
    "cli": (EVERYTHING, {"attrs", "click", "platformdirs", "msgspec", "granian"}),
    "testing": (EVERYTHING, {"attrs", "pytest", "starlette", "granian", "uvicorn", "httpx2", "platformdirs"}),
}


def imports_of(graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
    for module in sorted(graph.modules):
        if module.partition(".")[0] == "entrepot":
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                yield module, imported


def breaches(imports: Iterator[tuple[str, str]]) -> list[str]:
    found = []
    for importer, imported in imports:
        room = importer.split(".")[1] if "." in importer else ""
        if room not in ROOMS:
            found.append(f"{importer}: the room {room!r} has no row")
            continue
        rooms, libraries = ROOMS[room]
        top, *rest = imported.split(".")
        if top == "entrepot":
            allowed = not rest or rest[0] in {*rooms, room} or rest[0].startswith("__")
        else:
            allowed = top in libraries or top in sys.stdlib_module_names
        if not allowed:
            found.append(f"{importer} imports {imported}")
    return found


def test_every_room_keeps_to_its_row() -> None:
    graph = grimp.build_graph("entrepot", include_external_packages=True, cache_dir=None)
    assert breaches(imports_of(graph)) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("entrepot.git.trees", "sqlalchemy"),
        ("entrepot.hub.repos.commits", "starlette"),
        ("entrepot.server.hf.commit", "entrepot.storage.objects"),
        ("entrepot.catalog", "yaml"),
        ("entrepot.names.refs", "entrepot.settings"),
        ("entrepot.attic.boxes", "os"),
    ],
)
def test_a_breach_is_seen(importer: str, imported: str) -> None:
    assert len(breaches(iter([(importer, imported)]))) == 1
