from __future__ import annotations

from pathlib import Path

from entrepot.settings import SETTINGS
from tests.support.commands import Run

PAGE = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")


def test_every_setting_is_shown_with_its_source(run: Run, data: Path) -> None:
    outcome = run("config", environ={"ENTREPOT_DATA": str(data), "ENTREPOT_PORT": "9000"})
    rows = {line.split()[0]: line.split() for line in outcome.out.splitlines()[1:]}
    assert list(rows) == [row.name for row in SETTINGS]
    assert rows["port"] == ["port", "9000", "ENTREPOT_PORT"]
    assert rows["max_inline_file"] == ["max_inline_file", "10MiB", "default"]
    assert rows["data"] == ["data", str(data), "ENTREPOT_DATA"]


def test_programs_get_typed_values(run: Run, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text('max_file = "1GiB"\nrun_jobs = false\n')
    shown = run("config", "--json", "--config", str(file)).json
    assert list(shown) == [row.name for row in SETTINGS]
    assert shown["max_file"] == {"value": 1024**3, "source": f"file {file}"}
    assert shown["run_jobs"] == {"value": False, "source": f"file {file}"}
    assert shown["trusted_proxies"] == {"value": [], "source": "default"}
    assert shown["data"] == {"value": str(data), "source": "ENTREPOT_DATA"}


def test_nothing_is_made_by_looking(run: Run, data: Path) -> None:
    assert run("config").code == 0
    assert not data.exists()


def test_a_mistake_is_named_with_its_place_and_cure(run: Run) -> None:
    outcome = run("config", environ={"ENTREPOT_PROT": "9000"})
    assert outcome.code == 1
    assert (
        outcome.err == "error: setting 'prot' (ENTREPOT_PROT): no setting has this name; did you mean ENTREPOT_PORT?\n"
    )


def test_the_docs_are_the_table_of_the_documentation(run: Run) -> None:
    table = run("config", "--docs").out.splitlines()
    assert len(table) == len(SETTINGS) + 2
    assert set(table) <= set(PAGE.splitlines())


def test_the_password_of_the_database_is_not_shown(run: Run) -> None:
    environ = {"ENTREPOT_DATABASE": "postgresql://hub:s3cret@db/hub"}
    for outcome in (run("config", environ=environ), run("config", "--json", environ=environ)):
        assert "postgresql://hub:***@db/hub" in outcome.out
        assert "s3cret" not in outcome.out + outcome.err
    wrong = run("config", environ={"ENTREPOT_DATABASE": "postgresql://hub:s3cret@db"})
    assert wrong.code == 1
    assert "s3cret" not in wrong.err
