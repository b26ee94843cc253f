from __future__ import annotations

import httpx2
import pytest

from tests.support.site import Site
from tests.support.work import ends_within_processor_seconds

GOOD = "---\nlicense: mit\n---\n# Hello\n"
BAD = "---\nlicense: nonsense\n---\n"
BOMB = "---\na: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
)


def checked(client: httpx2.Client, content: str, kind: str = "model", **headers: str) -> httpx2.Response:
    return client.post("/api/validate-yaml", json={"content": content, "repoType": kind}, headers=headers)


def test_a_good_card_has_no_findings(anonymous: httpx2.Client) -> None:
    answer = checked(anonymous, GOOD)
    assert (answer.status_code, answer.json()) == (200, {"errors": [], "warnings": []})


def test_a_card_without_metadata_is_only_warned_about(anonymous: httpx2.Client) -> None:
    answer = checked(anonymous, "# Hello")
    assert answer.status_code == 200
    assert answer.json()["warnings"] == [{"message": "empty or missing yaml metadata in repo card"}]


def test_a_bad_card_is_a_bad_request_that_says_why(anonymous: httpx2.Client) -> None:
    answer = checked(anonymous, BAD)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith('"license" must be one of [apache-2.0, mit')


def test_text_is_given_to_those_who_want_text(anonymous: httpx2.Client) -> None:
    bad, odd = checked(anonymous, BAD, accept="text/plain"), checked(anonymous, "x", accept="text/plain")
    assert (bad.status_code, bad.text[:20]) == (400, '- Error: "license" m')
    assert (odd.status_code, odd.text) == (200, "- Warning: empty or missing yaml metadata in repo card")


def test_a_form_is_read_too(anonymous: httpx2.Client) -> None:
    good = anonymous.post("/api/validate-yaml", data={"content": GOOD, "repoType": "dataset"})
    bad = anonymous.post("/api/validate-yaml", data={"content": BAD})
    assert (good.status_code, bad.status_code) == (200, 400)


def test_a_type_this_hub_has_not_is_no_fault_of_the_card(anonymous: httpx2.Client) -> None:
    assert checked(anonymous, GOOD, kind="kernel").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b'{"content":1}', "application/json"),
        (b"repoType=model", "application/x-www-form-urlencoded"),
        (b"content=%ff", "application/x-www-form-urlencoded"),
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(anonymous: httpx2.Client, body: bytes, kind: str) -> None:
    assert anonymous.post("/api/validate-yaml", content=body, headers={"Content-Type": kind}).status_code == 400


def test_a_body_of_nine_megabytes_is_refused(anonymous: httpx2.Client) -> None:
    assert checked(anonymous, "x" * (9 << 20)).status_code == 413


@pytest.mark.parametrize("content", [BOMB + "---\n", "---\n" + "[" * 100_000 + "\n---\n"])
def test_a_bomb_is_an_error_before_it_is_read_out(anonymous: httpx2.Client, content: str) -> None:
    with ends_within_processor_seconds():
        answer = checked(anonymous, content)
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_the_client_warns_and_refuses(site: Site) -> None:
    api = site.api()
    repo = site.new_repo()
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        api.upload_file(path_or_fileobj=b"# Hi", path_in_repo="README.md", repo_id=repo)
    with pytest.raises(ValueError, match=r"(?s)Invalid metadata in README\.md.*license"):
        api.upload_file(path_or_fileobj=BAD.encode(), path_in_repo="README.md", repo_id=repo)
