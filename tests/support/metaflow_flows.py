"""Flows of Metaflow as processes, in environments with and without the extensions.

An environment is a virtual environment whose packages are links to those of
this one, so making one takes no network and a fraction of a second.
"""

from __future__ import annotations

import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from entrepot.testing.hubs import RunningHub, User

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "integrations/metaflow"
EXTENSIONS = "metaflow_extensions"
STOCK = "obcheckpoint"
"""The folder of metaflow-checkpoint among the extensions."""

_LEFT_OUT = re.compile(r"metaflow_extensions$|metaflow_checkpoint-|entrepot_metaflow-|__editable__.*entrepot_metaflow")


@attrs.frozen
class FlowRun:
    """The outcome of a process; ``text`` is all that it wrote."""

    code: int
    text: str
    folder: Path

    def lines(self, start: str) -> list[str]:
        """Return what follows this word in each line that a task printed."""
        return re.findall(rf"\] {re.escape(start)}(.*)", self.text)


@attrs.frozen
class MetaflowEnvironment:
    """A virtual environment, and the variables of its flows."""

    folder: Path
    variables: Mapping[str, str]

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin/python"

    @property
    def packages(self) -> Path:
        """The folder of its packages."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    @property
    def datastore(self) -> Path:
        """The folder of the datastore and the metadata of Metaflow."""
        return Path(self.variables["METAFLOW_DATASTORE_SYSROOT_LOCAL"])

    def with_hub(self, hub: RunningHub, user: User | None = None, **more: str) -> MetaflowEnvironment:
        """Return this environment with the variables of a hub, and a cache of its own."""
        cache = {"ENTREPOT_HOME": str(self.datastore / "entrepot")}
        return attrs.evolve(self, variables={**self.variables, **hub.environ(user), **cache, **more})

    def start(self, *command: str | Path, folder: Path, **more: str) -> FlowRun:
        """Run a program with this interpreter."""
        done = subprocess.run(
            [str(self.python), *map(str, command)],
            cwd=folder,
            env={**self.variables, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=250,
        )
        return FlowRun(done.returncode, done.stdout, folder)

    def run(self, source: str, *arguments: str, folder: Path, top: Sequence[str] = (), **more: str) -> FlowRun:
        """Write a flow to a folder and run it; ``top`` are options before the command."""
        file = folder / "flow.py"
        file.write_text(source, encoding="utf-8")
        return self.start(file, "--no-pylint", *top, *(arguments or ("run",)), folder=folder, **more)


def make_environment(
    folder: Path, *, checkpoint: bool = False, extension: str | None = "wheel", client: bool = True
) -> MetaflowEnvironment:
    """Create an environment with Metaflow.

    Args:
        checkpoint: also with metaflow-checkpoint.
        extension: how entrepot-metaflow is installed: ``wheel``, ``editable``, or None.
        client: whether entrepot can be imported.
    """
    venv.create(folder / "venv", symlinks=True)
    environment = MetaflowEnvironment(folder / "venv", _variables(folder))
    packages = environment.packages
    for entry in _installed():
        is_client = entry.name == "entrepot" or entry.name.startswith(("entrepot-", "_editable_impl_entrepot"))
        if not _LEFT_OUT.match(entry.name) and (client or not is_client):
            (packages / entry.name).symlink_to(entry)
    (packages / EXTENSIONS).mkdir()
    if checkpoint:
        for entry in _installed():
            if entry.name.startswith("metaflow_checkpoint-"):
                (packages / entry.name).symlink_to(entry)
        (packages / EXTENSIONS / STOCK).symlink_to(Path(sysconfig.get_path("purelib")) / EXTENSIONS / STOCK)
    if extension is not None:
        install_extension(environment, folder, is_editable=extension == "editable")
    return environment


def install_extension(environment: MetaflowEnvironment, folder: Path, *, is_editable: bool) -> None:
    """Build entrepot-metaflow with its own build backend, and install the wheel."""
    source, wheels = folder / "source", folder / "wheels"
    shutil.copytree(INTEGRATION, source, ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    wheels.mkdir()
    build = f"build_{'editable' if is_editable else 'wheel'}"
    program = f"import sys; from setuptools import build_meta; build_meta.{build}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, wheels], cwd=source, check=True, capture_output=True)
    [wheel] = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(environment.packages)


def add_plain_pypi(environment: MetaflowEnvironment) -> None:
    """Install an extension in which ``--environment=pypi`` means the packages that are there.

    The real one downloads an installer and packages for every flow.
    """
    files = {
        "__init__.py": 'ENVIRONMENTS_DESC = [("pypi", ".environment.PlainEnvironment")]\n',
        "environment.py": _PLAIN_ENVIRONMENT,
    }
    folder = environment.packages / EXTENSIONS / "plain/plugins"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    facts = environment.packages / "plain_environment-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-environment\nVersion: 1.0\n")
    (facts / "top_level.txt").write_text(f"{EXTENSIONS}\n")
    (facts / "RECORD").write_text("".join(f"{EXTENSIONS}/plain/plugins/{name},,\n" for name in files))


_PLAIN_ENVIRONMENT = """
from metaflow.metaflow_environment import MetaflowEnvironment


class PlainEnvironment(MetaflowEnvironment):
    TYPE = "pypi"

    def set_local_root(self, root):
        pass

    def is_disabled(self, step):
        return True
"""


def _installed() -> Iterator[Path]:
    """Yield the packages of this environment."""
    for packages in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        if packages not in site.getsitepackages():
            continue
        for entry in sorted(Path(packages).iterdir()):
            if entry.name != "__pycache__":
                yield entry


def _variables(folder: Path) -> dict[str, str]:
    datastore = folder / "metaflow"
    datastore.mkdir()
    ours = ("METAFLOW_", "ENTREPOT_", "HF_", "PYTHON", "USERNAME")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **clean,
        "METAFLOW_USER": "tester",
        "METAFLOW_HOME": str(datastore / "home"),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(datastore),
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "TMPDIR": _temporary(folder),
    }


def _temporary(folder: Path) -> str:
    (folder / "tmp").mkdir()
    return str(folder / "tmp")
