from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from entrepot.server.log_format import render


def test_fields_stand_in_order_and_absent_ones_are_left_out() -> None:
    assert (
        render("request", method="GET", status=200, ms=1.23456, caller=None) == "request method=GET status=200 ms=1.235"
    )


def test_no_value_can_break_the_line_or_forge_a_field() -> None:
    line = render("request", path='/a b"\n status=500', name="é")
    assert "\n" not in line
    assert line == 'request path="/a b\\"\\n status=500" name="\\xe9"'


def test_an_empty_value_is_visible() -> None:
    assert render("x", name="") == 'x name=""'
    assert render("x", name="", path="/a") == 'x name="" path=/a'


@given(st.lists(st.text(max_size=8) | st.integers() | st.floats() | st.booleans() | st.none(), max_size=5))
def test_each_value_is_shown_as_alone(values: list[str | int | float | None]) -> None:
    fields = {f"k{at}": value for at, value in enumerate(values)}
    alone = [render("", **{key: value}) for key, value in fields.items()]
    assert render("event", **fields) == "event" + "".join(alone)
    assert "\n" not in "".join(alone)
