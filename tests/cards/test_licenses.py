from __future__ import annotations

import pytest

from entrepot.cards import LICENSES, is_known_license


@pytest.mark.parametrize(
    "name", ["mit", "MIT", "apache-2.0", "cc-by-4.0", "openrail++", "llama3.1", "other", "unknown"]
)
def test_known(name: str) -> None:
    assert is_known_license(name)


@pytest.mark.parametrize("name", ["", "bad_license", "apache", "[apache-2.0"])
def test_unknown(name: str) -> None:
    assert not is_known_license(name)


def test_the_list_is_lower_case_without_repetition() -> None:
    assert len(set(LICENSES)) == len(LICENSES) > 70
    assert all(name == name.lower() for name in LICENSES)
    assert LICENSES[:2] == ("apache-2.0", "mit")
