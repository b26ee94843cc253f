from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.server.rendering.markdown import MAX_HTML, Renderer, render_card
from entrepot.server.rendering.tasks_and_alerts import MAX_MARKS, show_tasks_and_alerts
from tests.support.work import count_lines

Render = Callable[[str], str]


def render_comment(text: str) -> str:
    return Renderer().render(text)


RENDERERS = [render_card, render_comment]


@pytest.mark.parametrize("render", RENDERERS, ids=["card", "comment"])
def test_tasks_have_boxes_that_are_told_to_screen_readers(render: Render) -> None:
    made = render("- [ ] one\n- [x] two\n- [X] three\n- [y] four\n\n1. [ ] five\n\n   more\n")
    assert made.count('<li class="task">') == 4
    assert '<span role="img" aria-label="open">☐</span> one' in made
    assert '<span role="img" aria-label="done">☑</span> two' in made
    assert "[y] four" in made
    assert "[ ] code" in render("`- [ ] code`")


@pytest.mark.parametrize("render", RENDERERS, ids=["card", "comment"])
def test_alerts_have_a_tone_and_a_title(render: Render) -> None:
    for word, tone in (("NOTE", "info"), ("tip", "ok"), ("IMPORTANT", "plum"), ("WARNING", "warn"), ("CAUTION", "bad")):
        made = render(f"> [!{word}]\n> Read **this**.\n>\n> And this.\n")
        title = f'<blockquote class="alert {tone}">\n<p><strong>{word.capitalize()}</strong></p>'
        assert made.startswith(f"{title}\n<p>Read <strong>")
        assert "[!" not in made
        assert render(f"> [!{word}]\n>\n> Read.\n").startswith(f"{title}\n<p>Read.</p>")
    for text in ("> [!OTHER]\n> x\n", "> x [!NOTE]\n", "[!NOTE] x\n", "> [!NOTE] x\n"):
        assert "alert" not in render(text)


def test_the_text_of_an_alert_cannot_bring_elements_of_its_own() -> None:
    made = render_card('> [!NOTE]\n> <script>alert(1)</script><li class="x">[ ] a\n')
    assert "<script" not in made
    assert 'class="x"' not in made


def test_very_many_marks_stay_as_they_were_written() -> None:
    text = "- [ ] x\n" * 8_000
    made = Renderer().render(text)
    assert made.count('class="task"') == MAX_MARKS
    assert len(made) < MAX_HTML + 100 * MAX_MARKS
    assert show_tasks_and_alerts("words") == "words"
    count_lines(lambda: show_tasks_and_alerts("<li>[ ] x\n" * 8_000), most=10 * MAX_MARKS)
