from __future__ import annotations

from tests.support.served_hub import ServedHub

BODY = {"name": "ci", "issuer": "https://ci.example", "claims": {"sub": "x"}}


def test_publishers_are_listed_for_writers(world: ServedHub) -> None:
    ref = world.repo("published")
    path = f"/api/models/{ref.id}/trusted-publishers"
    with world.client(world.alice) as client:
        assert client.get(path).json() == []
        refused = client.post(path, json=BODY)
        assert (refused.status_code, "base_url" in refused.json()["error"]) == (409, True)
        assert client.post(path, json={**BODY, "claims": {"sub": 7}}).status_code == 400
        assert client.delete(f"{path}/{'0' * 24}").status_code == 404
    with world.client(world.bob) as client:
        assert {client.get(path).status_code, client.post(path, json=BODY).status_code} == {403}
        hidden = world.repo("unpublished", visibility="private")
        answers = {
            (found.status_code, found.text.replace(name, "NAME"))
            for name in (hidden.id.name, "absent")
            for found in (client.get(f"/api/models/alice/{name}/trusted-publishers"),)
        }
        assert len(answers) == 1
