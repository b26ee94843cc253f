from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.cli.admin.sign_in_codes import address_of
from entrepot.settings import Settings


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (Settings(data=Path()), "http://127.0.0.1:8080"),
        (Settings(data=Path(), host="0.0.0.0", port=80), "http://127.0.0.1:80"),
        (Settings(data=Path(), host="::1"), "http://[::1]:8080"),
        (Settings(data=Path(), base_url="https://hub.example.org/hub"), "https://hub.example.org/hub"),
    ],
)
def test_the_address_of_a_hub_can_be_opened_on_its_machine(settings: Settings, url: str) -> None:
    assert address_of(settings) == url
