import pytest

from entrepot.errors import ConfigError
from entrepot.workspace.configuration.storage_rules import check_storage


def test_settings_that_can_be_used_are_returned() -> None:
    settings = {
        "aws-credentials": {"profile": "team"},
        "endpoint-url": "https://[::1]:9000/path",
        "prefix": "a/b/",
        "region": "eu-west-1",
        "port": 22,
    }
    assert check_storage("s3h", "b", settings, "config.yaml") == settings
    assert check_storage("sftph", "b", {"endpoint-url": "sftp://host.example.org/"}, "config.yaml")
    assert check_storage("s3h", "b", None, "config.yaml") == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("endpoint-url", "file:///etc"),
        ("endpoint-url", "http://host:99999"),
        ("endpoint-url", "http://[::1"),
        ("endpoint-url", ["x"]),
        ("prefix", "../x"),
        ("region", "a\nb"),
        ("region", True),
        ("host-key", "x" * 5000),
        ("aws-credentials", "team"),
        ("aws-credentials", {"profile": "[x]"}),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=r"storages\.s3h\.b"):
        check_storage("s3h", "b", {key: value}, "config.yaml")


def test_a_host_is_not_an_option() -> None:
    with pytest.raises(ConfigError, match="is not a host"):
        check_storage("sftph", "b", {"endpoint-url": "-oProxyCommand=x"}, "config.yaml")
