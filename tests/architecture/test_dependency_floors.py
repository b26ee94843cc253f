"""No version with a known hole can be installed, as far as this table knows.

It needs no network: a row is added when an advisory becomes known. Each
direct dependency must have a lower bound at least as high as its row, and what
is installed now, transitive packages included, must be at least as new.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import pathlib
import re
import tomllib

PROJECT = tomllib.loads((pathlib.Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

FLOORS = {
    "dulwich": ("0.18.5", "CVE-2017-16228: commands injected through ssh URLs"),
    "filelock": ("3.20.3", "CVE-2025-68146, CVE-2026-22701: a symbolic link is followed between check and use"),
    "granian": ("2.7.4", "CVE-2026-42544: one request aborts a server process"),
    "h11": ("0.16.0", "CVE-2025-43859: request smuggling through malformed chunks"),
    "httpx2": ("2.12.0", "CVE-2026-84379, CVE-2026-84380, CVE-2026-84382"),
    "idna": ("3.15", "CVE-2024-3651, CVE-2026-45409: time without bound for one name"),
    "jinja2": ("3.1.6", "CVE-2025-27516: leaving the sandbox through the filter attr"),
    "mako": ("1.3.12", "CVE-2026-41205, CVE-2026-44307: path traversal in template names"),
    "markdown-it-py": ("2.2.0", "CVE-2023-26302, CVE-2023-26303: crash by a crafted document"),
    "nh3": ("0.3.1", "RUSTSEC-2025-0071: cross-site scripting through mutated SVG and MathML"),
    "numpy": ("1.22.0", "CVE-2021-41496, CVE-2021-34141: buffer overflows"),
    "paramiko": ("3.4.0", "CVE-2023-48795: messages removed from the beginning of a connection"),
    "pyarrow": ("14.0.1", "CVE-2023-47248: code run from a crafted IPC or Parquet file"),
    "pygments": ("2.20.0", "CVE-2026-4539: time without bound in a lexer"),
    "pytest": ("9.0.3", "CVE-2025-71176: temporary folders that other users can predict"),
    "pyyaml": ("5.4", "CVE-2020-14343: code run by FullLoader"),
    "setuptools": ("78.1.1", "CVE-2025-47273: a package index writes outside the folder; CVE-2024-6345"),
    "sqlalchemy": ("1.3.0", "CVE-2019-7164: SQL injected through order_by"),
    "starlette": ("1.3.0", "CVE-2026-48710, PYSEC-2026-248: request.url is not the URL that was routed"),
    "torch": ("2.6.0", "CVE-2025-32434: code run by torch.load with weights_only"),
    "tqdm": ("4.66.3", "CVE-2024-34062: code run from command-line options"),
    "urllib3": ("2.6.3", "CVE-2025-66418, CVE-2025-66471, CVE-2026-21441: decompression without bound"),
    "uvicorn": ("0.11.7", "CVE-2020-7695: response headers injected"),
    "werkzeug": ("3.0.6", "CVE-2024-49767: memory without bound in the parsing of forms"),
}
"""Package: the first version without the hole, and the hole."""


def numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.findall(r"\d+", re.split(r"[^0-9.]", version)[0])]
    return (*parts, 0, 0, 0)[:4]


def requirements() -> list[tuple[str, str]]:
    texts = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    found = [re.match(r"([A-Za-z0-9_-]+)(?:\[[a-z0-9,-]+\])?\s*(?:>=|==)\s*([0-9.]+)", text) for text in texts]
    assert all(found), "every dependency has a lower bound"
    return [(match[1].lower().replace("_", "-"), match[2]) for match in found if match]


def test_lower_bounds_exclude_versions_with_known_holes() -> None:
    for name, bound in requirements():
        floor, hole = FLOORS.get(name, ("0", ""))
        assert numbers(bound) >= numbers(floor), f"{name} before {floor}: {hole}"


def test_installed_libraries_have_no_known_vulnerability() -> None:
    judged = 0
    for name, (floor, hole) in FLOORS.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            installed = importlib.metadata.version(name)
            assert numbers(installed) >= numbers(floor), f"{name} {installed}, before {floor}: {hole}"
            judged += 1
    assert judged > len(FLOORS) / 2


def test_no_code_trusts_the_url_that_is_made_of_the_host_header() -> None:
    sources = pathlib.Path(__file__).parents[2].joinpath("src/entrepot").rglob("*.py")
    pattern = re.compile(r"request\.(url|base_url)\b|url_for\(|URL\(scope")
    found = [
        f"{path.name}: {line.strip()}"
        for path in sources
        if path.parts[-2] not in ("client", "hf") or "server" in path.parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if pattern.search(line)
    ]
    assert found == []
