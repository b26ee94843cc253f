from __future__ import annotations

import httpx2
import pytest

from entrepot.hub.accounts import quotas
from entrepot.server.pages.repositories import storage_maps
from entrepot.server.pages.repositories.storage_maps import MapCell, MapPiece, map_of, place_cells
from tests.support.served_hub import ServedHub


def pieces(*sizes: int) -> list[MapPiece]:
    return [MapPiece(f"acme/m{number}", f"acme/m{number}", "m", size) for number, size in enumerate(sizes)]


def overlap(one: MapCell, other: MapCell) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("sizes", [(1,), (5, 5), (60, 30, 10, 5, 3, 1, 1), (1_000_000_000, 1), (0, 0), (3,) * 24])
def test_rectangles_fill_the_area_without_overlaps(sizes: tuple[int, ...]) -> None:
    cells = place_cells(pieces(*sizes), 900, 300)
    assert len(cells) == len(sizes)
    for cell in cells:
        assert cell.x >= 0
        assert cell.y >= 0
        assert cell.x + cell.width <= 902
        assert cell.y + cell.height <= 302
    large = [cell for cell in cells if cell.width > 3 and cell.height > 3]
    assert not any(overlap(one, other) for at, one in enumerate(large) for other in large[at + 1 :])


def test_areas_are_shares_and_small_ones_have_no_label() -> None:
    first, second, small = place_cells(pieces(60, 30, 1), 910, 300)
    assert (first.width + 2) * (first.height + 2) == pytest.approx(
        2 * (second.width + 2) * (second.height + 2), rel=0.01
    )
    assert first.has_label
    assert not small.has_label
    assert small.name == "acme/m2"
    assert place_cells([], 900, 300) == []


def test_the_page_of_an_account_draws_and_lists_its_repositories(site: ServedHub, signed_in: httpx2.Client) -> None:
    assert map_of(site.hub, site.caller(), None, quotas.own(site.hub, site.caller())) is None
    for name, size in (("small", 1_000), ("vast", 90_000), ("tiny", 20)):
        site.commit_large(site.repo(name, visibility="private"), "model.bin", bytes([len(name)]) * size)
    drawn = map_of(site.hub, site.caller(), None, quotas.own(site.hub, site.caller()))
    assert drawn is not None
    assert [repo.name for repo in drawn.repos] == ["alice/vast", "alice/small", "alice/tiny"]
    assert [cell.tint for cell in drawn.wide] == ["m"]
    text = signed_in.get("/settings/account").text
    assert text.count('class="map ') == 2
    assert 'href="/alice/tiny"' in text


def test_very_many_repositories_are_not_drawn(site: ServedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_maps, "MAX_REPOS", 1)
    assert map_of(site.hub, site.caller(), None, quotas.own(site.hub, site.caller())) is None
