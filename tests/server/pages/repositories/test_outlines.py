from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from entrepot.server.pages.card_html import CardLinks, relink, render_card
from entrepot.server.pages.repositories.outlines import LEAST_HEADINGS, MAX_HEADINGS, OutlineItem, outline_of
from tests.support.served_hub import ServedHub

LINKS = CardLinks("/a/m/blob/main/", "/a/m/resolve/main/")


def written(items: Sequence[OutlineItem]) -> str:
    return " ".join(f"{item.title}({written(item.below)})" if item.below else item.title for item in items)


def test_headings_are_nested_by_their_levels_also_where_one_is_left_out() -> None:
    made = render_card("## Z\n# A\n## B\n#### C\n### D\n## E\n# F\n", LINKS)
    assert written(outline_of(made)) == "Z A(B(C D) E) F"


def test_titles_are_plain_text_and_anchors_are_ids_of_the_card() -> None:
    made = render_card("# A *b* `<c>`\n# ![x](y.png)\n# Usage\n# Usage\n<h2>R &amp; D</h2>\n\n# Ende gut\n", LINKS)
    found = outline_of(made)
    assert written(found) == "A b <c> Usage Usage(R & D) Ende gut"
    anchors = [item.anchor for item in (*found, *found[2].below)]
    assert anchors == ["card-a-b-c", "card-usage", "card-usage-1", "card-ende-gut", "card-r--d"]
    assert all(made.count(f'id="{anchor}"') == 1 for anchor in anchors)


def test_a_card_with_few_headings_has_no_outline_and_a_long_one_a_bounded_one() -> None:
    few = "# A\n\n" * (LEAST_HEADINGS - 1)
    assert outline_of(render_card(few, LINKS)) == ()
    assert len(outline_of(render_card("# A\n\n" * (MAX_HEADINGS + 1), LINKS))) == MAX_HEADINGS
    [long] = outline_of(render_card("# " + "a" * 1_000 + "\n## b\n## c\n## d\n", LINKS))
    assert long.title == "a" * 100


def test_ids_of_equal_headings_differ_from_those_of_others_and_of_notes() -> None:
    text = "# Fn 1\n\nx[^1]\n\n# A\n\n# A 1\n\n# A\n\n# A\n\n[^1]: note\n"
    ids = re.findall(r' id="([^"]+)"', render_card(text, LINKS))
    assert len(ids) == len(set(ids)) == 7
    assert {"card-fn-1", "card-fn-1-1", "card-a", "card-a-1", "card-a-2", "card-a-3"} <= set(ids)


def test_as_many_equal_headings_as_a_card_can_have_get_different_ids() -> None:
    assert len(set(re.findall(r' id="([^"]+)"', relink("<h1>a</h1>" * 30_000, LINKS)))) == 30_000


def test_the_page_lists_the_headings_beside_the_card_and_folded_above_it(
    site: ServedHub, show: Callable[[str], str]
) -> None:
    ref = site.repo("outlined")
    site.commit(ref, {"README.md": b"# Tern\n## Use <b>it</b>\n## Limits\n## Data\n"})
    text = show(f"/{ref.path}")
    assert text.count('<a href="#card-use-it">Use it</a>') == 2
    assert '<details class="fold in only-s"><summary' in text
    assert '<section class="hide-s"><h2 id="contents">' in text, "only one of them is shown"
    assert "Contents of the card" not in show("/alice/tern")
