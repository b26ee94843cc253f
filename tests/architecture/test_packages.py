"""Each package imports only the packages and the libraries that its row allows.

The layers contract says which package is above which; this table also says
which of those below may be used, and where each library may be imported. A
new package or a new library needs a row or a word here.
"""

import sys
from collections.abc import Iterator

import grimp
import pytest

BASE = {"errors", "settings", "names"}
CODECS = {"git", "xet", "cards", "wire", "previews"}
SERVER_SIDE = {"hub", "storage", "catalog", "blobs"}
CLIENT_INTERFACES = {"hf", "ah", "workspace", "fs", "metaflow"}
EVERYTHING = BASE | CODECS | SERVER_SIDE | CLIENT_INTERFACES | {"server", "worker", "client", "cli"}

# package: (packages it may import, libraries it may import)
PACKAGES: dict[str, tuple[set[str], set[str]]] = {
    "": ({"hf", "ah"}, set()),
    "__main__": ({"cli"}, set()),
    "errors": (set(), {"attrs"}),
    "settings": ({"errors"}, {"msgspec"}),
    "names": ({"errors"}, {"attrs"}),
    "git": ({"errors", "names"}, {"attrs"}),
    "xet": ({"errors", "names"}, {"attrs", "blake3", "lz4", "numpy", "wasmtime"}),
    "cards": ({"errors", "names"}, {"attrs", "yaml", "jinja2"}),
    "wire": ({"errors", "names"}, {"attrs", "msgspec"}),
    "previews": ({"errors"}, {"attrs", "msgspec", "pyarrow"}),
    "blobs": ({"errors", "names"}, {"attrs", "obstore"}),
    "catalog": (BASE, {"attrs", "sqlalchemy", "alembic", "psycopg"}),
    "storage": (BASE | {"git", "xet", "blobs", "catalog"}, {"attrs"}),
    # joserfc (BSD-3, typed, released in 2026) only verifies signatures: Authlib has moved its own JOSE code there and
    # brings clients for HTTP libraries that are not used here, and PyJWT accepts more kinds of keys than are wanted.
    # webauthn (BSD-3, typed, released in 2026) is loaded when a passkey is used, and part of the extra "passkeys" only.
    "hub": (
        BASE | CODECS | {"storage", "catalog", "blobs"},
        {"attrs", "argon2", "duckdb", "pyarrow", "joserfc", "webauthn"},
    ),
    "server": (
        BASE | {"hub", "wire", "git", "previews"},
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
            # Pure Python without dependencies, BSD, released in 2026; only lexers, whose work the caller bounds.
            "pygments",
            # Pure Python without dependencies, BSD, typed; only draws QR codes.
            "segno",
        },
    ),
    "worker": (BASE | {"hub"}, {"attrs"}),
    "client": (BASE | CODECS, {"attrs", "msgspec", "httpx2", "hf_xet", "tqdm", "platformdirs"}),
    "hf": (BASE | {"client", "cards", "wire", "previews"}, {"attrs", "msgspec"}),
    "ah": (BASE | {"client", "wire"}, {"attrs", "yaml"}),
    "workspace": (
        BASE | CODECS | {"client", "blobs"},
        {"attrs", "msgspec", "numpy", "blake3", "obstore", "httpx2", "paramiko", "google", "yaml"},
    ),
    "fs": (BASE | {"client", "wire"}, {"fsspec"}),
    "metaflow": (BASE | {"client", "wire"}, {"attrs", "metaflow"}),
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
        package = importer.split(".")[1] if "." in importer else ""
        if package not in PACKAGES:
            found.append(f"{importer}: the package {package!r} has no row")
            continue
        packages, libraries = PACKAGES[package]
        top, *rest = imported.split(".")
        if top == "entrepot":
            allowed = not rest or rest[0] in {*packages, package} or rest[0].startswith("__")
        else:
            allowed = top in libraries or top in sys.stdlib_module_names
        if not allowed:
            found.append(f"{importer} imports {imported}")
    return found


def test_every_package_keeps_to_its_row() -> None:
    graph = grimp.build_graph("entrepot", include_external_packages=True, cache_dir=None)
    assert breaches(imports_of(graph)) == []


FILES_OF_TABLES = (
    *("arrow_tables", "compressed_files", "csv_columns", "json_columns"),
    *("media_folders", "parquet_tables", "table_files"),
)


def test_uploaded_tables_are_opened_in_processes_of_their_own_only() -> None:
    """A small file can decompress to gigabytes; these processes may be killed, the server may not."""
    graph = grimp.build_graph("entrepot", include_external_packages=True, cache_dir=None)
    openers = {
        "entrepot.previews.tables.table_files",
        "entrepot.previews.conversions",
        "entrepot.previews.tables.media_folders",
    }
    openers |= {"pyarrow", "duckdb"}
    importers = {importer for importer, imported in imports_of(graph) if imported in openers}
    readers = [f"entrepot.previews.{name}" for name in ("features", "conversions")]
    readers += [f"entrepot.previews.tables.{name}" for name in FILES_OF_TABLES]
    confined = ("tables", "datasets", "conversions")
    assert importers - {*readers} == {f"entrepot.hub.{name}.sandbox" for name in confined}


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
