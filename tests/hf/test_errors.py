from __future__ import annotations

import pytest

from entrepot import errors as tree
from entrepot.client.http_errors import HubFailure
from entrepot.hf import errors
from entrepot.hf.api import HubApi
from entrepot.testing.hubs import RunningHub


def test_every_name_is_an_error_of_the_tree() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), tree.EntrepotError), name


def test_both_names_catch_what_a_hub_refuses(at_hub: RunningHub) -> None:
    api = HubApi(at_hub.url, at_hub.token)
    with pytest.raises(errors.RepositoryNotFoundError) as missing:
        api.model_info("tester/never-made")
    assert isinstance(missing.value, errors.HfHubHTTPError)
    assert isinstance(missing.value, HubFailure)
    assert missing.value.response.status_code == 404
    assert missing.value.response.json()["error"] == missing.value.server_message == "Repository not found"
    assert missing.value.request_id
    assert at_hub.token not in f"{missing.value!r}{missing.value.response!r}"
    with pytest.raises(errors.BadRequestError):
        api.repo_info("tester/never-made", expand=["no-such-property"])
