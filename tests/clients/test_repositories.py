"""The class ``Repository`` of earlier huggingface_hub versions: git and git-lfs, over HTTPS as it expects."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import entrepot.testing
from tests.support.certificates import Pems

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")

OLD = "0.21.4"


def test_the_repository_class_clones_commits_pushes_and_tags(
    run_script: Callable[..., Any], pems: Pems, tmp_path: Path
) -> None:
    authority = str(pems.authority)
    # The class takes the email address from whoami; this account has none.
    (tmp_path / ".gitconfig").write_text("[user]\n\temail = tester@example.org\n")
    with entrepot.testing.hub(tls_cert=str(pems.cert), tls_key=str(pems.key)) as hub:
        seen = run_script(
            hub,
            OLD,
            "repository_journey.py",
            OLD,
            "journey",
            HOME=str(tmp_path),
            GIT_CONFIG_NOSYSTEM="1",
            GIT_SSL_CAINFO=authority,
            REQUESTS_CA_BUNDLE=authority,
        )
    assert seen == {
        "titles": [
            "Upload http.txt with huggingface_hub",
            "in the background",
            "in a block",
            "by hand",
            "initial commit",
        ],
        "large": ["large.unknown", "one.weights"],
    }
