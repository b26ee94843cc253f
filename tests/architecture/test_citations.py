"""Citations of the protocol pages in the code lead to pages and sections that exist."""

import pathlib
import re
from collections.abc import Iterator, Mapping, Set

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "docs/protocols"
FILES = sorted(
    file for tree in ("src", "tests") for file in (ROOT / tree).rglob("*.py") if file != pathlib.Path(__file__)
)

HEADING = re.compile(r"^#+ (\d+[A-Z]?(?:\.\d+)?)\.? ", re.MULTILINE)
"""A heading with its number: ``## 0. Conventions``, ``#### 1A.5 Writing``."""

_GAP = r"(?:\s|#)+"  # also across lines, of comments too
_NUMBER = r"\d(?:[\w.]*\w)?"
CITATION = re.compile(
    # "hf_api, section 1A.5" and "xet, section 7" are the short form, which is on its way out.
    rf"(?:docs/protocols/(?P<page>\w+)\.md|\b(?P<short>hf_api|xet)(?=,{_GAP}sections?\b))"
    rf"(?P<section>`*,?{_GAP}sections?\b(?:{_GAP}(?P<numbers>{_NUMBER}(?:(?:,|{_GAP}and|{_GAP}to){_GAP}{_NUMBER})*))?)?"
)

Sections = Mapping[str, Set[str]]
"""The numbers of the sections of each page, by the page's name without ending."""


def read_sections(folder: pathlib.Path) -> Sections:
    """Return the sections of every page in a folder."""
    return {page.stem: set(HEADING.findall(page.read_text(encoding="utf-8"))) for page in folder.glob("*.md")}


def complaints(source: str, path: str, sections: Sections) -> list[str]:
    """Return what is wrong with the citations in one file."""
    found = []
    for citation in CITATION.finditer(source):
        line = source.count("\n", 0, citation.start()) + 1
        place = f"{path}:{line}"
        page = citation["page"] or citation["short"]
        if page not in sections:
            found.append(f"{place} cites the page {page}.md, which does not exist")
        elif citation["section"] and not citation["numbers"]:
            found.append(f"{place} cites a section of {page}.md without its number")
        else:
            missing = [number for number in numbers_in(citation["numbers"] or "") if number not in sections[page]]
            found += [f"{place} cites section {number} of {page}.md, which does not exist" for number in missing]
    return found


def numbers_in(text: str) -> Iterator[str]:
    """Yield the numbers in ``1A.5, 2.6 and 4.2`` or ``7 to 9``; between whole numbers, also those in the middle."""
    words = re.findall(rf"{_NUMBER}|to", text)
    for place, word in enumerate(words):
        if word != "to":
            yield word
        elif words[place - 1].isdecimal() and words[place + 1].isdecimal():
            yield from map(str, range(int(words[place - 1]) + 1, int(words[place + 1])))


SECTIONS = read_sections(FOLDER)


def test_every_citation_leads_to_a_section() -> None:
    sources = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in FILES}
    assert [line for path, source in sources.items() for line in complaints(source, path, SECTIONS)] == []
    assert sum(len(CITATION.findall(source)) for source in sources.values()) > 100


@pytest.mark.parametrize("page", sorted(SECTIONS))
def test_a_section_number_occurs_once(page: str) -> None:
    numbers = HEADING.findall((FOLDER / f"{page}.md").read_text(encoding="utf-8"))
    assert len(numbers) == len(set(numbers))


KNOWN = {"hf_api": {"0", "1A.5", "1B.4", "1C", "2.3"}, "xet": {"7", "8", "9", "7.1"}, "README": set[str]()}


@pytest.mark.parametrize(
    "source",
    [
        "Source: docs/protocols/hf_api.md, section 1A.5.",
        "Source: docs/protocols/hf_api.md, sections 1A.5, 2.3 and 1C; RFC 9110, sections 13 to 15.",
        "Source: docs/protocols/xet.md, sections 7 to 9",
        "# Source: docs/protocols/hf_api.md,\n    # sections 1A.5\n    # and 2.3.",
        'See ``docs/protocols/README.md``; (docs/protocols/hf_api.md, section 1B.4), "section 12" of another text',
        "Source: ``docs/protocols/hf_api.md``, section 2.3",
        "Source: xet, section 7.1; hf_api, section 2.3).",
        "Source: hf_api,\nsections 0 and\n1C (``GET``)",
        "def schedule(hf_api: HubApi, xet: bool) -> None:",
    ],
)
def test_a_good_citation_is_not_complained_about(source: str) -> None:
    assert complaints(source, "a.py", KNOWN) == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("Source: docs/protocols/hf_api.md, section 1A.9.", "a.py:1 cites section 1A.9 of hf_api.md"),
        ("\n\nSource: docs/protocols/hf_api.md, sections 1A.5,\n2.3 and 2.9", "a.py:3 cites section 2.9 of hf_api.md"),
        ("# Source: docs/protocols/hf_api.md,\n# section 3", "a.py:1 cites section 3 of hf_api.md"),
        ("Source: docs/protocols/hf_api.md, section 1.A5", "section 1.A5 of hf_api.md"),
        ("Source: docs/protocols/hub.md, section 1A.5", "the page hub.md, which does not exist"),
        ("Source: ``docs/protocols/xet.md`` section 70", "section 70 of xet.md"),
        ("See docs/protocols/hub.md", "the page hub.md, which does not exist"),
        ('Source: docs/protocols/xet.md, section "Tokens"', "a section of xet.md without its number"),
        ("Source: hf_api, section 9.9", "section 9.9 of hf_api.md"),
        ("Source: xet,\n    section 7.2", "section 7.2 of xet.md"),
        ("Source: docs/protocols/xet.md, sections 7 to 10", "section 10 of xet.md"),
    ],
)
def test_a_bad_citation_is_complained_about(source: str, complaint: str) -> None:
    found = complaints(source, "a.py", KNOWN)
    assert len(found) == 1
    assert complaint in found[0]


def test_a_section_in_the_middle_of_a_range_has_to_exist() -> None:
    assert complaints("xet, sections 7 to 9", "a.py", {"xet": {"7", "9"}}) == [
        "a.py:1 cites section 8 of xet.md, which does not exist"
    ]
