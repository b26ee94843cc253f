import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.settings.quantities import parse_duration, parse_size, render_duration, render_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("7B", 7),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("64MiB", 67_108_864),
        ("64mib", 67_108_864),
        ("10GB", 10_000_000_000),
        ("5 TiB", 5_497_558_138_880),
        (" 1PiB ", 2**50),
        ("3PB", 3 * 10**15),
    ],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("45", 45), ("90s", 90), ("2m", 120), ("6h", 21_600), ("1d", 86_400), ("3W", 1_814_400)],
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "MiB", "1.5GiB", "-1", "10G", "10 parsecs", "1e6", "٣", "1  GB", "9" * 19, "0x10"]
)
def test_text_that_is_not_a_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="64MiB"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "h", "1.5h", "-1s", "6 hours", "1h30m", "2y", "9" * 5000])
def test_text_that_is_not_a_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="6h"):
        parse_duration(text)


def test_a_rendered_quantity_is_the_shortest() -> None:
    assert [render_size(n) for n in (0, 1, 1000, 1024, 5 * 1024**4, 1024**2 + 1)] == [
        "0",
        "1",
        "1000",
        "1KiB",
        "5TiB",
        "1048577",
    ]
    assert [render_duration(n) for n in (0, 1, 90, 7200, 86_400, 1_814_400)] == ["0", "1s", "90s", "2h", "1d", "3w"]


@given(st.integers(0, 10**17))
def test_rendering_and_parsing_undo_each_other(value: int) -> None:
    assert parse_size(render_size(value)) == value
    assert parse_duration(render_duration(value)) == value
