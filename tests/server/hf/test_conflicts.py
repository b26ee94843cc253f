from __future__ import annotations

import httpx2
import pytest

from tests.support.site import Site


@pytest.mark.parametrize(
    ("path", "body", "page"),
    [
        ("/api/repos/create", {"name": "taken", "type": "dataset"}, "datasets/alice/taken"),
        ("/api/buckets/alice/taken", {}, "buckets/alice/taken"),
    ],
)
def test_a_taken_name_is_told_with_its_absolute_url(
    site: Site, alice: httpx2.Client, path: str, body: dict[str, str], page: str
) -> None:
    assert alice.post(path, json=body).status_code == 200
    answer = alice.post(path, json=body)
    assert (answer.status_code, answer.json()["url"]) == (409, f"{site.url}/{page}")
