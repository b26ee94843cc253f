from __future__ import annotations

import warnings

import pytest

from entrepot.client.operations import Add, repo_path
from entrepot.client.sources import BytesSource
from entrepot.client.uploads.secret_files import SecretFileWarning, check_secrets, is_secret, warn_of_secrets
from entrepot.errors import SecretsFound


@pytest.mark.parametrize(
    "path",
    [
        ".env", "a/.env", ".env.production", "prod.env", ".ENV", "id_rsa", "keys/id_ed25519", "deploy_rsa",
        "server.pem", "tls.KEY", ".netrc", ".aws/credentials", "x/.aws/config", ".git-credentials", "kaggle.json",
        "credentials", ".ssh/config", ".npmrc", ".pypirc", "client_secret_12.json", "a.p12", ".huggingface/token",
        "C:\\Users\\me\\.env",
    ],
)  # fmt: skip
def test_names_of_secret_files(path: str) -> None:
    assert is_secret(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md", ".env.example", "env.py", "id_rsa.pub", ".ssh/known_hosts", "tokenizer.json", "token.txt",
        "keys.json", "monkey.json", "environment.yml", "credentials.py", "special_tokens_map.json", "aws/config",
    ],
)  # fmt: skip
def test_names_of_ordinary_files(path: str) -> None:
    assert not is_secret(path)


def add(path: str, label: str = "bytes in memory") -> Add:
    return Add(repo_path(path), BytesSource(b"x", label))


def test_by_default_one_warning_lists_them() -> None:
    with pytest.warns(SecretFileWarning, match=r"2 file\(s\).*: \.env, notes.txt \(/home/me/.ssh/id_rsa\)") as caught:
        check_secrets([add("a.txt"), add(".env"), add("notes.txt", "/home/me/.ssh/id_rsa")], allow=None)
    assert len(caught) == 1
    with pytest.warns(SecretFileWarning, match="id_rsa"):
        warn_of_secrets(["a", "id_rsa"])


def test_they_are_refused_or_let_through_on_demand() -> None:
    with pytest.raises(SecretsFound, match="'id_rsa'"):
        check_secrets([add("a.txt"), add("id_rsa")], allow=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_secrets([add(".env")], allow=True)
        check_secrets([add("a.txt")], allow=False)
