from __future__ import annotations

from pathlib import Path

import click
import pytest

from entrepot.cli.client.options import HubClient, confirm, hub_options, show_unless_quiet, type_option
from entrepot.cli.sessions import Session
from entrepot.testing.hubs import RunningHub
from tests.support.commands import Run

HERE = {"ENTREPOT_ENDPOINT": "http://hub.example", "ENTREPOT_TOKEN": "hf_fromtheenvironment"}


@click.command()
@click.argument("name")
@type_option
@hub_options
def probe(client: HubClient, name: str, repo_type: str) -> None:
    """Print the parsed options."""
    click.echo(f"{name} {repo_type} {client.endpoint} {client.token} {client.is_quiet}")


def run(*args: str) -> str:
    from click.testing import CliRunner

    outcome = CliRunner().invoke(probe, list(args), obj=Session({}))
    assert outcome.exit_code == 0, outcome.output
    return outcome.output.strip()


def test_flags_reach_the_command_as_one_value() -> None:
    assert run("x") == "x model None None False"
    assert run("x", "--type", "dataset", "--endpoint", "http://h", "--token", "hf_x", "-q") == (
        "x dataset http://h hf_x True"
    )


def test_a_flag_is_stronger_than_the_environment() -> None:
    assert HubClient(Session(HERE)).hub.endpoint == "http://hub.example"
    assert HubClient(Session(HERE)).api._hub().token == "hf_fromtheenvironment"
    flagged = HubClient(Session(HERE), "http://other.example", "hf_fromtheflag")
    assert (flagged.api._hub().endpoint, flagged.hub.token) == ("http://other.example", "hf_fromtheflag")


def test_a_token_is_for_the_hub_that_the_environment_names(tmp_path: Path) -> None:
    other = HubClient(Session(HERE | {"ENTREPOT_HOME": str(tmp_path)}), "http://other.example")
    assert other.hub.token is None


def test_a_token_is_not_shown_by_accident() -> None:
    assert "hf_secret" not in repr(HubClient(Session({}), None, "hf_secret"))


def test_quiet_means_no_progress_and_no_remarks(capsys: pytest.CaptureFixture[str]) -> None:
    assert HubClient(Session({}), is_quiet=True).places.disable_progress
    assert not HubClient(Session({})).places.disable_progress
    show_unless_quiet(HubClient(Session({}), is_quiet=True), "hello")
    show_unless_quiet(HubClient(Session({})), "there")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "there\n")


def test_without_a_terminal_destruction_needs_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115 - closed with the test
    confirm("Delete it?", is_sure=True)
    with pytest.raises(click.UsageError, match="--yes"):
        confirm("Delete it?", is_sure=False)


def test_a_repository_may_be_pasted_as_an_address_or_with_its_type(at_hub: Run, entrepot_hub: RunningHub) -> None:
    made = at_hub("repo", "create", "pasted", "--type", "datasets", "--json")
    assert made.code == 0, made.err
    name = made.json["id"]
    for text in (f"datasets/{name}", f"{entrepot_hub.url}/datasets/{name}/tree/main"):
        told = at_hub("repo", "info", text, "--json")
        assert told.code == 0, told.err
        assert told.json["id"] == name
    assert "does not belong to the hub" in at_hub("repo", "info", f"https://other.example/datasets/{name}").err
    assert "expected model, dataset or space" in at_hub("repo", "info", name, "--type", "table").err


def test_a_pasted_page_gives_revision_and_path_to_commands_that_take_them(
    at_hub: Run, entrepot_hub: RunningHub, made: str
) -> None:
    page = f"{entrepot_hub.url}/{made}"
    assert at_hub("repo", "branch", "create", made, "side").code == 0
    one = at_hub("download", f"{page}/blob/side/sub/b.txt", "--json")
    assert Path(one.json["path"]).read_text() == "two\n"
    assert at_hub("download", f"{page}/tree/main/sub", "--local-dir", "out").code == 0
    assert [path.name for path in Path("out").glob("**/*.txt")] == ["b.txt"]
    assert [row["path"] for row in at_hub("repo", "files", f"{page}/tree/main/sub", "--json").json] == ["sub/b.txt"]
    for args, reason in (
        (("download", f"{page}/blob/main/a.txt", "a.txt"), "another one is given"),
        (("download", f"{page}/tree/side", "--revision", "v9"), "other than --revision"),
        (("repo", "info", f"{page}/blob/main/a.txt"), "it names a file"),
        (("repo", "tag", "list", f"{page}/tree/side"), "it names a revision"),
    ):
        refused = at_hub(*args)
        assert (refused.code, reason in refused.err) == (1, True), (args, refused)


def test_an_explicit_type_that_contradicts_the_name_is_an_error(at_hub: Run) -> None:
    refused = at_hub("repo", "info", "datasets/alice/x", "--repo-type", "model")
    assert "it names a dataset, and the type given is model" in refused.err


def test_a_token_that_cannot_be_sent_names_the_option_and_is_not_shown() -> None:
    from click.testing import CliRunner

    outcome = CliRunner().invoke(probe, ["alice", "--token", "Bearer hf_x"], obj=Session({}))
    assert "option --token" in str(outcome.exception)
    assert "hf_x" not in f"{outcome.output}{outcome.exception!r}"
