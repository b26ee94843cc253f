from __future__ import annotations

import subprocess
import sys

import pytest
from jinja2 import UndefinedError

from entrepot.server.pages.error_pages import error_page
from entrepot.server.pages.templates import FOLDER, render_template

OF_ALL = '<script type="module" src="{{ static }}/{{ name }}" integrity="{{ sha256 }}"></script>'
SCRIPTS = {
    "upload.html": ["upload.mjs"],
    **{name: ["passkeys.mjs"] for name in ("login.html", "confirm.html", "settings_security.html")},
}


def test_values_are_escaped_and_bytes_that_are_no_text_are_replaced() -> None:
    values = {"root": "", "static": "/s", "item": {"is_private": False, "is_gated": False}}
    assert render_template("macros.html", values) is not None
    page = error_page(404, "<b>&\"'\udcff", "<i>")
    made = render_template("error.html", frame(**page.values, title="<b>&\"'\udcff") | {"may_sign_in": False}).decode()
    assert "<b>" not in made.partition("<main")[0]
    assert "&lt;b&gt;&amp;&#34;&#39;�" in made
    assert "<p>&lt;i&gt;</p>" in made


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render_template("error.html", frame(title="x"))


def test_no_template_marks_text_as_html_but_the_macro_of_rendered_markdown() -> None:
    marked = {path.name: path.read_text().count("| safe") for path in FOLDER.glob("*.html")}
    assert {name: count for name, count in marked.items() if count} == {"macros.html": 1}


def test_no_template_has_styles_or_scripts_inside() -> None:
    for path in FOLDER.glob("*.html"):
        text = path.read_text().replace(OF_ALL if path.name == "base.html" else "", "", 1)
        # Policies of pages allow these files only, and the pages work without them.
        for script in SCRIPTS.get(path.name, ()):
            text = text.replace(f'<script type="module" src="{{{{ static }}}}/{script}"></script>', "", 1)
        assert "<script" not in text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick" not in text


def test_an_idle_hub_has_not_loaded_the_template_engine() -> None:
    code = "import sys, entrepot.server.app; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.stdout == "False\n", done.stderr


def frame(**values: object) -> dict[str, object]:
    always: dict[str, object] = dict.fromkeys(
        ("root", "visitor", "csrf", "here", "request_id", "endpoint", "section", "version", "theme", "scripts", "done"),
        "",
    )
    return {**always, "static": "/s", "now_ms": 0, **values}
