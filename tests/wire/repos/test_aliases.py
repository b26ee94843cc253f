import msgspec

from entrepot.wire.repos.aliases import AliasFacts, AliasTarget


def test_an_alias_is_a_flat_object() -> None:
    data = msgspec.json.encode(AliasFacts(name="gpt2", type="model", repo="library/gpt2"))
    assert msgspec.json.decode(data) == {"name": "gpt2", "type": "model", "repo": "library/gpt2"}
    assert msgspec.json.decode(b'{"repo": "a/b"}', type=AliasTarget).repo == "a/b"
