from __future__ import annotations

import ast
import gzip
import hashlib
import json
import re
from pathlib import Path

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
    vendored = [name for name in static_files.static_files() if name.startswith("vendor/")]
    assert sum(len(static_files.packed(name)) for name in vendored) <= 105_000
    assert sum(len(static_files.packed(name)) for name in ("upload.mjs", "upload-client.mjs")) <= 7_000


def test_only_the_script_of_the_worker_may_run_as_one(browser: httpx2.Client) -> None:
    policies = {
        name: browser.get(f"/-/static/{static_files.version()}/{name}").headers["content-security-policy"]
        for name in ("upload-client.mjs", "upload.mjs")
    }
    assert policies["upload-client.mjs"] == (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
    )
    assert "script-src" not in policies["upload.mjs"]
    assert "sandbox" in policies["upload.mjs"]


def test_other_versions_and_names_do_not_exist(browser: httpx2.Client) -> None:
    for path in ("0123/entrepot.css", f"{static_files.version()}/none.css", f"{static_files.version()}/..%2Fhome.py"):
        assert browser.get(f"/-/static/{path}").status_code == 404


def test_the_stylesheet_keeps_its_budget_and_asks_nobody_else() -> None:
    css = (FOLDER / "entrepot.css").read_text()
    assert len(css.encode()) <= 30_000
    assert len(gzip.compress(css.encode())) <= 10_000
    assert "@import" not in css
    assert not re.search(r"url\(", css)


WORD = re.compile(r"[A-Za-z_][\w-]*")
SERVER = FOLDER.parents[1]


def classes_of(css: str) -> set[str]:
    """Return the classes that selectors of a stylesheet name."""
    selectors = re.sub(r"/\*.*?\*/|:[^;{}]*(?=[;}])", "", css, flags=re.DOTALL)
    return set(re.findall(r"\.([A-Za-z_][\w-]*)", selectors))


def words_of(path: Path) -> set[str]:
    """Return the words that a file may give elements as classes.

    Of templates those in attributes ``class`` and in texts of expressions; of modules and scripts those of all texts.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        found = re.findall(r'class="((?:\{[{%].*?[%}]\}|[^"])*)"', text)
        for expression in re.findall(r"\{[{%].*?[%}]\}", text, re.DOTALL):
            found += re.findall(r'"[^"]*"', expression)
    elif path.suffix == ".mjs":
        found = re.findall(r"""\"[^"\n]*\"|'[^'\n]*'|`[^`]*`""", text)
    else:
        nodes = [*ast.walk(ast.parse(text))]
        documented = [node.body[0] for node in nodes if isinstance(node, DOCUMENTED) and ast.get_docstring(node)]
        docstrings = {id(node.value) for node in documented if isinstance(node, ast.Expr)}
        texts = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings)
        found = [node.value for node in texts if isinstance(node.value, str)]
    return {word for part in found for word in WORD.findall(part)}


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def unused(css: str, words: set[str]) -> set[str]:
    """Return the classes of a stylesheet that are no words; ``k-data`` may be made of ``k-`` and ``data``."""
    made = {name for name in classes_of(css) if {f"{name.partition('-')[0]}-", name.partition("-")[2]} <= words}
    return classes_of(css) - words - made


def test_every_class_of_the_stylesheet_is_used() -> None:
    paths = [*SERVER.rglob("*.html"), *SERVER.rglob("*.py"), *FOLDER.glob("*.mjs")]
    words = set[str]().union(*(words_of(path) for path in paths))
    css = (FOLDER / "entrepot.css").read_text()
    assert len(classes_of(css)) > 100
    assert not unused(css, words)
    assert unused(css + ".nowhere-used{&.nor-this{color:red}}", words) == {"nowhere-used", "nor-this"}


def test_every_icon_of_a_template_exists() -> None:
    icons = set(re.findall(r'id="([a-z]+)"', (FOLDER / "icons.svg").read_text()))
    used = set()
    for path in (FOLDER.parent / "templates").glob("*.html"):
        used |= set(re.findall(r'icon\((?:static, )?"([a-z]+)"', path.read_text()))
    assert len(used) > 10
    assert used <= icons
