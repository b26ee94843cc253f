from __future__ import annotations

import email.utils
import os
import time
from pathlib import Path
from typing import Any

import pytest

from entrepot import HubApi, testing
from entrepot.testing.hubs import RunningHub
from tests.support.certificates import make_self_signed
from tests.support.commands import Run
from tests.support.scripted_hub import Reply, ScriptedHub


def verdicts(outcome: Any) -> dict[str, bool | None]:
    return {finding["name"]: finding["is_well"] for finding in outcome.json}


def test_all_is_well_and_nothing_is_left_behind(at_hub: Run) -> None:
    found = at_hub("doctor", "--json")
    assert found.code == 0, found.out
    well = verdicts(found)
    assert [name for name, is_well in well.items() if is_well] == [
        "cache", "hub", "clock", "token", "small file", "large file"
    ]  # fmt: skip
    assert not [model for model in HubApi().list_models(author="tester") if "doctor-" in model.id]


def test_the_package_t9k_is_named_if_there_is_one(at_hub: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "t9k" not in verdicts(at_hub("doctor", "--no-upload", "--json"))
    (tmp_path / "other/t9k").mkdir(parents=True)
    (tmp_path / "other/t9k/__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    found = at_hub("doctor", "--no-upload")
    assert "-      t9k: 'import t9k' is another SDK, whose scripts do not use this hub" in found.out


def test_people_read_lines(at_hub: Run) -> None:
    lines = at_hub("doctor", "--no-upload").out.splitlines()
    assert [line.split()[0] for line in lines] == ["-", "ok", "ok", "ok", "ok"]


def test_a_hub_that_is_not_there_is_named(at_hub: Run) -> None:
    found = at_hub("doctor", "--endpoint", "http://127.0.0.1:9")
    assert found.code == 1
    assert "WRONG  hub: cannot reach the hub at http://127.0.0.1:9" in found.out
    assert "token" not in found.out.splitlines()[-1].split(":")[0]


def test_a_token_that_is_unknown_is_wrong_and_one_that_reads_uploads_nothing(
    at_hub: Run, entrepot_hub: RunningHub
) -> None:
    assert verdicts(at_hub("doctor", "--token", "hf_unknownunknown", "--json"))["token"] is False
    reader = entrepot_hub.user(f"reader-{os.urandom(3).hex()}", role="read")
    well = verdicts(at_hub("doctor", "--token", reader.token, "--json"))
    assert (well["token"], "small file" in well) == (True, False)


def test_a_cache_that_cannot_be_written_is_wrong(at_hub: Run) -> None:
    found = at_hub("doctor", "--no-upload", environ={"ENTREPOT_CACHE": "/dev/null/cache"})
    assert found.code == 1
    assert "ENTREPOT_CACHE" in found.out


@pytest.mark.parametrize(("skew_s", "words"), [(-3600, "ahead of the hub"), (3600, "behind the hub")])
def test_a_clock_that_is_wrong_is_reported(
    at_hub: Run, scripted_hub: ScriptedHub, reply: type[Reply], skew_s: int, words: str
) -> None:
    date = email.utils.formatdate(time.time() + skew_s, usegmt=True)
    scripted_hub.on("GET", "/api/models", reply([], headers={"Date": date}))
    found = at_hub("doctor", "--no-upload", "--endpoint", scripted_hub.url)
    assert found.code == 1
    assert words in found.out


@pytest.mark.parametrize("is_authority", [True, False])
def test_a_certificate_that_hf_xet_refuses_is_wrong(
    at_hub: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_authority: bool
) -> None:
    pems = make_self_signed(tmp_path, is_authority=is_authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(pems.authority))
    with testing.hub(tls_cert=str(pems.cert), tls_key=str(pems.key)) as hub:
        given = ("--endpoint", hub.url, "--token", hub.token)
        found = at_hub("doctor", "--json", *given)
        assert verdicts(found)["certificate"] is not is_authority
        assert ("large file" in verdicts(found)) is not is_authority  # hf_xet would try for minutes
        assert found.code == int(is_authority)
        assert ("certificate.authority" in hub.log()) is is_authority
        without_xet = at_hub("doctor", "--json", *given, environ={"ENTREPOT_DISABLE_XET": "1"})
    assert without_xet.code == 0, without_xet.out
    assert "large file" in verdicts(without_xet)


def test_the_environment_is_printed_without_secrets(at_hub: Run, entrepot_hub: RunningHub) -> None:
    found = at_hub("env", "--json")
    assert (found.json["endpoint"], found.json["is_logged_in"]) == (entrepot_hub.url, True)
    assert found.json["hf_xet"]
    for text in (found.out, at_hub("env").out):
        assert entrepot_hub.token not in text


def test_the_environment_says_which_variable_won(at_hub: Run, tmp_path: Path) -> None:
    none = {"ENTREPOT_HOME": str(tmp_path), "ENTREPOT_ENDPOINT": "", "ENTREPOT_TOKEN": "", "HF_ENDPOINT": ""}
    theirs = {**none, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "hf_secretsecret"}
    told = at_hub("env", "--json", environ=theirs)
    assert (told.json["endpoint"], told.json["endpoint_from"]) == ("http://127.0.0.1:9", "HF_ENDPOINT")
    assert (told.json["is_logged_in"], told.json["token_from"]) == (True, "HF_TOKEN")
    assert "hf_secretsecret" not in told.out
    ours = at_hub("env", "--json", environ={**theirs, "ENTREPOT_ENDPOINT": "http://127.0.0.1:10"}).json
    assert (ours["endpoint_from"], ours["is_logged_in"], ours["token_from"]) == ("ENTREPOT_ENDPOINT", False, None)
    assert at_hub("env", "--json", environ=none).json["endpoint_from"] == "default"
