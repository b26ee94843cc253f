from __future__ import annotations

import msgspec
import pytest

from entrepot.wire.repos.openlineage import OpenLineageEvent


def event(**fields: object) -> OpenLineageEvent:
    return msgspec.convert(fields, OpenLineageEvent)


@pytest.mark.parametrize(
    ("fields", "is_complete"),
    [
        ({"eventType": "COMPLETE", "run": {"runId": "r"}}, True),
        ({"eventType": "complete", "run": {"runId": "r"}}, True),
        ({"eventType": "FAIL", "run": {"runId": "r"}}, False),
        ({"eventType": "COMPLETE"}, False),
        ({"eventType": None, "run": {"runId": "r"}}, False),
    ],
)
def test_only_a_run_that_has_ended_well_is_complete(fields: dict[str, object], is_complete: bool) -> None:
    assert event(**fields).is_complete is is_complete


def test_the_id_of_a_run_stays_in_a_long_name() -> None:
    run = {"runId": "01890a5d"}
    assert event(run=run, job={"namespace": "n", "name": "j"}).run_name == "n/j/01890a5d"
    assert event(run=run).run_name == "01890a5d"
    name = event(run=run, job={"namespace": "n", "name": "j" * 500}).run_name
    assert len(name) == 200
    assert name.endswith("j/01890a5d")


def test_the_version_of_a_dataset_is_in_its_facet() -> None:
    version = {"version": {"datasetVersion": "v1", "_producer": "p"}, "schema": {"fields": []}}
    inputs = [{"namespace": "n", "name": "a", "facets": version}, {"namespace": "n", "name": "b"}]
    assert [it.version for it in event(inputs=inputs).inputs or ()] == ["v1", ""]
