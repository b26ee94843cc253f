import pytest

from entrepot.workspace.projects.sizes import render_size


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3_100_000, "3.1 MB"), (999_999, "1.0 MB"), (5 * 10**15, "5.0 PB")],
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert render_size(size) == text
