from __future__ import annotations

import pytest
from huggingface_hub import HfApi as Oracle

from entrepot.errors import InvalidArgument
from entrepot.hf.api import HubApi
from entrepot.hf.shapes.community import WebhookWatchedItem
from tests.support.scripted_hub import Reply, ScriptedHub

ROOT = "/api/settings/webhooks"
HOOK = {
    "id": "65f0",
    "watched": [{"type": "org", "name": "acme"}],
    "domains": ["repo"],
    "disabled": False,
    "url": "http://me/x",
    "secret": "s3cret",
}


@pytest.fixture
def api(scripted_hub: ScriptedHub, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> HubApi:
    monkeypatch.setenv("ENTREPOT_HOME", str(tmp_path))
    return HubApi(scripted_hub.url, token="hf_sometoken")


def test_a_webhook_equals_that_of_huggingface_hub(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("GET", f"{ROOT}/65f0", reply({"webhook": HOOK}))
    mine, theirs = (one.get_webhook("65f0") for one in (api, Oracle(scripted_hub.url, token="hf_sometoken")))
    for name in ("id", "url", "domains", "secret", "disabled"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert [vars(thing) for thing in mine.watched] == [vars(thing) for thing in theirs.watched]
    assert "s3cret" not in repr(mine)


def test_webhooks_are_created_updated_and_deleted(scripted_hub: ScriptedHub, reply: type[Reply], api: HubApi) -> None:
    scripted_hub.on("POST", ROOT, reply({"webhook": HOOK}))
    things: list[WebhookWatchedItem | dict[str, str]] = [
        {"type": "model", "name": "ns/m"},
        WebhookWatchedItem("user", "ann"),
    ]
    assert api.create_webhook(url="http://me/x", watched=things, secret="s").id == "65f0"
    assert scripted_hub.seen[0].json == {
        "url": "http://me/x",
        "watched": [{"type": "model", "name": "ns/m"}, {"type": "user", "name": "ann"}],
        "secret": "s",
    }
    scripted_hub.on("POST", f"{ROOT}/65f0", reply({"webhook": HOOK}))
    api.update_webhook("65f0", domains=["discussion"])
    assert scripted_hub.seen[1].json == {"domains": ["discussion"]}
    for verb, method in (("enable", api.enable_webhook), ("disable", api.disable_webhook)):
        scripted_hub.on("POST", f"{ROOT}/65f0/{verb}", reply({"webhook": HOOK | {"disabled": verb == "disable"}}))
        assert method("65f0").disabled is (verb == "disable")
    scripted_hub.on("GET", ROOT, reply([HOOK]))
    assert [hook.id for hook in api.list_webhooks()] == ["65f0"]
    scripted_hub.on("DELETE", f"{ROOT}/65f0", reply("OK"))
    api.delete_webhook("65f0")
    assert scripted_hub.seen[-1].method == "DELETE"


def test_a_watched_item_needs_type_and_name(api: HubApi) -> None:
    with pytest.raises(InvalidArgument, match="'type' and a 'name'"):
        api.create_webhook(url="http://me/x", watched=[{"name": "ns/m"}])
