from __future__ import annotations

import gzip
import hashlib
import json
import re

import httpx2

from entrepot.server.pages import static_files
from entrepot.server.pages.static_files import FOLDER


def test_static_files_are_kept_forever_under_their_content(browser: httpx2.Client) -> None:
    for name, kind in (("entrepot.css", "text/css; charset=utf-8"), ("icons.svg", "image/svg+xml")):
        answer = browser.get(f"/-/static/{static_files.version()}/{name}", headers={"accept-encoding": "identity"})
        assert answer.status_code == 200
        assert answer.content == (FOLDER / name).read_bytes()
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        packed = browser.get(f"/-/static/{static_files.version()}/{name}", headers={"accept-encoding": "gzip"})
        assert (packed.headers["content-encoding"], packed.content) == ("gzip", answer.content)


def test_vendored_scripts_are_what_their_list_says(browser: httpx2.Client) -> None:
    listed = json.loads((FOLDER / "vendor/vendor.json").read_text())
    named = set()
    for folder, about in listed.items():
        assert about["licence"] == "MIT"
        assert "MIT License" in (FOLDER / "vendor" / folder / "LICENSE").read_text()
        for name, hashes in about["files"].items():
            data = (FOLDER / "vendor" / folder / name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == hashes["sha256"], name
            named.add(f"vendor/{folder}/{name}")
            # Only the names of packages were changed: put back, they give the file of the package.
            for other, its in listed.items():
                data = data.replace(f'"../{other}/index.js"'.encode(), f'"{its["package"]}"'.encode())
            assert hashlib.sha256(data).hexdigest() == hashes["of_package"], name
    assert named == {name for name in static_files.static_files() if name.startswith("vendor/")}
    answer = browser.get(f"/-/static/{static_files.version()}/vendor/huggingface-hub/index.mjs")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_the_scripts_of_the_upload_page_keep_their_budget() -> None:
    loaded = set(static_files.static_files()) - {"passkeys.mjs"}
    names = [name for name in loaded if name.endswith((".js", ".mjs"))]
    assert sum(len(static_files.packed(name)) for name in names) <= 110_000
    assert len(static_files.static_files()["upload.mjs"].data) <= 8_000


def test_other_versions_and_names_do_not_exist(browser: httpx2.Client) -> None:
    for path in ("0123/entrepot.css", f"{static_files.version()}/none.css", f"{static_files.version()}/..%2Fhome.py"):
        assert browser.get(f"/-/static/{path}").status_code == 404


def test_the_stylesheet_keeps_its_budget_and_asks_nobody_else() -> None:
    css = (FOLDER / "entrepot.css").read_text()
    assert len(css.encode()) <= 30_000
    assert len(gzip.compress(css.encode())) <= 10_000
    assert "@import" not in css
    assert not re.search(r"url\(", css)


def test_every_icon_of_a_template_exists() -> None:
    icons = set(re.findall(r'id="([a-z]+)"', (FOLDER / "icons.svg").read_text()))
    used = set()
    for path in (FOLDER.parent / "templates").glob("*.html"):
        used |= set(re.findall(r'icon\((?:static, )?"([a-z]+)"', path.read_text()))
    assert len(used) > 10
    assert used <= icons
