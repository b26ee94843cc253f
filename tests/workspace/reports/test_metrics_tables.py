import json

from entrepot.workspace.reports.metrics_tables import (
    VersionMetrics,
    export_metrics,
    metrics_document,
    read_metrics,
    render_csv,
    table_rows,
)
from tests.support.machines import Machine, Team

FIRST = VersionMetrics("t__1", "2026-01-01 00:00:00", None, None, {"b": 1.0})
SECOND = VersionMetrics("t__2", "2026-01-02 00:00:00", "d - (2)", "l - (1)", {"a": 0.5, "b": 2.0})


def test_a_table_of_one_version() -> None:
    assert table_rows(FIRST) == [
        ("Date", "2026-01-01 00:00:00"),
        ("Related dataset - (version)", "None"),
        ("Related labels - (version)", "None"),
        ("b", "1.0"),
    ]


def test_csv_has_the_union_of_the_metrics_in_order_of_first_use() -> None:
    assert render_csv([FIRST, SECOND]) == (
        "Date,Tag,Related dataset - (version),Related labels - (version),b,a\n"
        "2026-01-01 00:00:00,t__1,,,1.0,\n"
        "2026-01-02 00:00:00,t__2,d - (2),l - (1),2.0,0.5\n"
    )


def test_json() -> None:
    document = metrics_document("m", [SECOND])
    assert document == {
        "model_name": "m",
        "tags_metrics": [
            {
                "Date": SECOND.date,
                "Tag": "t__2",
                "Related dataset - (version)": "d - (2)",
                "Related labels - (version)": "l - (1)",
                "metrics": {"a": 0.5, "b": 2.0},
            }
        ],
    }


def test_metrics_of_all_versions_are_read_and_exported(team: Team, machine: Machine) -> None:
    machine.ok("repository", "remote", "models", "add", str(team.remote("models")))
    machine.ok("models", "init")
    team.create(machine, "models", "m", "mutable")
    machine.write("models/m/data/f", "f")
    machine.ok("models", "add", "m", "--metric", "accuracy", "10")
    machine.ok("models", "commit", "m", "--dataset=x")
    machine.write("metrics.csv", "recall\n0.5\n")
    machine.ok("models", "add", "m", "--bumpversion", "--metrics-file", str(machine.folder / "metrics.csv"))
    machine.ok("models", "commit", "m")
    versions = read_metrics(machine.state("models"), "m")
    assert [version.metrics for version in versions] == [{"accuracy": 10.0}, {"recall": 0.5}]
    assert [version.dataset for version in versions] == ["x - (1)", "x - (1)"]
    folder = machine.folder / "exports"
    for type_ in ("csv", "json", "csv"):
        path = export_metrics("m", versions, type_, str(folder))
        assert path == str(folder / f"m-metrics.{type_}")
    assert (folder / "m-metrics.csv").read_text() == render_csv(versions)
    assert json.loads((folder / "m-metrics.json").read_text()) == metrics_document("m", versions)
