"""Templates of pages: Jinja2 with escaping, loaded when the first page is shown."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from entrepot.server.pages import diffs, formats
from entrepot.wire.texts import legible

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context
    from markupsafe import Markup

FOLDER = Path(__file__).parent / "templates"


def render_template(name: str, values: Mapping[str, object]) -> bytes:
    """Return a rendered template as UTF-8; every value is escaped unless it is marked as HTML."""
    return legible(_environment().get_template(name).render(values)).encode("utf-8", "replace")


@functools.cache
def _environment() -> Environment:
    # An idle hub serves no page: it does not pay for the template engine.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "size": formats.size_text,
        "count": formats.count_text,
        "date": formats.date_text,
        "iso": formats.iso_text,
        "many": formats.many_text,
        "age": formats.age_text,
        "until": formats.until_text,
        "length_text": formats.length_text,
        "quoted": formats.quoted,
        "segment": formats.quoted_segment,
        "cut": formats.cut_name,
        "shape": formats.shape_text,
        "diff_rows": diffs.rows_html,
    }
    made.globals |= {
        "icon": pass_context(_icon),
        "icon_html": formats.icon_html,
        "moment_html": formats.moment_html,
        "csrf_html": formats.csrf_html,
    }
    return made


def _icon(context: Context, name: str, more: str = "") -> Markup:
    """Return an icon of the page that is rendered."""
    return formats.icon_html(context["static"], name, more)
