from __future__ import annotations

from entrepot.server.pages.settings.sections import Section, own_page, sections


def test_the_present_section_is_marked() -> None:
    found = sections("/x", (("a", "A"), ("b", "B")), "b")
    assert found == [Section("/x/a", "A", is_current=False), Section("/x/b", "B", is_current=True)]


def test_a_page_has_the_title_of_its_section() -> None:
    page = own_page("tokens", {"found": []})
    assert (page.template, page.title, page.values["found"]) == ("settings_tokens.html", "Tokens", [])
