import msgspec

from entrepot.wire.accounts.quotas import QuotaChanges, QuotaInfo


def test_names_are_in_camel_case() -> None:
    facts = QuotaInfo(namespace="acme", max_bytes=5, max_repos=None, max_file_bytes=None, used_bytes=3, repos=1)
    assert msgspec.to_builtins(facts) == {
        "namespace": "acme",
        "maxBytes": 5,
        "maxRepos": None,
        "maxFileBytes": None,
        "usedBytes": 3,
        "repos": 1,
    }


def test_limits_that_are_left_out_are_not_given() -> None:
    changes = msgspec.json.decode(b'{"maxBytes":5,"maxFileBytes":null}', type=QuotaChanges)
    assert changes.given() == {"max_bytes": 5, "max_file_bytes": None}
    assert QuotaChanges().given() == {}
