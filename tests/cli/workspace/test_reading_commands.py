import re

from entrepot.cli.workspace.reading_commands import table
from tests.support.machines import Machine, publish


def test_a_table_of_two_columns() -> None:
    assert table([("Name", "Value"), ("a", "10.0")]) == [
        "+------+-------+",
        "| Name | Value |",
        "+------+-------+",
        "| a    | 10.0  |",
        "+------+-------+",
    ]


def test_log_and_diff(machine: Machine) -> None:
    (machine.folder / "datasets/x/data/a").unlink()
    machine.write("datasets/x/data/c", "three")
    publish(machine, "datasets", "x")
    tags = [f"vision__images__x__{number}" for number in (1, 2)]
    assert machine.ok("datasets", "diff", "x", *tags) == "Added files:\n\tdata/c\nDeleted files:\n\tdata/a\n"
    log = machine.ok("datasets", "log", "x", "--stat")
    assert re.fullmatch(
        rf"Tag: {tags[0]}\nAuthor: ann\nEmail: ann@example.org\nDate: \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\n"
        r"Message: Version 1 of x\nAdded files \[2\]:\n\tdata/a\n\tdata/b\nDeleted files \[0\]:\n"
        rf"Files size: 6 B\nAmount of files: 2\n\nTag: {tags[1]}\n(.*\n)*Amount of files: 2\n\n",
        log,
    )
    reversed_log = machine.ok("datasets", "log", "x", "--reverse")
    assert re.findall("Tag: (.*)", reversed_log) == tags[::-1]
    rows = machine.run("datasets", "log", "x", "--fullstat", "--json").json
    assert [row["number"] for row in rows] == [1, 2]
    assert rows[1]["added"] == ["data/c"]


def test_tags_and_lists_in_json(machine: Machine) -> None:
    assert machine.run("datasets", "list", "--json").json == {"entities": ["x"]}
    machine.ok("datasets", "tag", "add", "x", "best")
    rows = machine.run("datasets", "tag", "list", "x", "--all", "--json").json
    assert [(row["tag"], row["number"], row["published"]) for row in rows] == [
        ("vision__images__x__1", 1, True),
        ("best", None, True),
    ]
    machine.ok("datasets", "tag", "del", "x", "best")
    assert machine.run("datasets", "branch", "x", "--json").json["tag"] == "vision__images__x__1"
    assert machine.run("datasets", "show", "x", "--json").json["spec"]["version"] == 1


def test_options_of_exports_need_each_other(machine: Machine) -> None:
    assert machine.run("models", "metrics", "m", "--export-type=csv").code == 2
