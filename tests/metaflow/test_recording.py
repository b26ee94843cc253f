import json
from typing import Any

import pytest
from metaflow.exception import MetaflowException

from entrepot.metaflow.recording import record, render_card, tag_of
from entrepot.metaflow.sessions import CardRow, TaskFacts, TaskSession

KEY = f"hub/models/demo/bert@{'1a2b3c4d' * 5}"
DATA = f"hub/datasets/demo/imdb@{'0' * 40}"


class Provider:
    def __init__(self, *, takes_tags: bool = True) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.tags: list[str] = []
        self.takes_tags = takes_tags

    def mutate_user_tags_for_run(self, flow: str, run: str, *, tags_to_add: list[str]) -> None:
        if not self.takes_tags:
            raise MetaflowException("too old")
        self.tags += [f"{flow}/{run}", *tags_to_add]

    def register_metadata(self, *arguments: Any) -> None:
        self.calls.append(arguments)


def session() -> TaskSession:
    return TaskSession(TaskFacts("Train", "17", "start", "1", attempt=2))


def test_the_lineage_of_an_attempt_is_one_datum_also_after_a_failure() -> None:
    provider, run = Provider(), session()
    run.add(CardRow(KEY, "http://hub", "main", 2, 10, 10, 0.2))
    record(run, provider, None, is_ok=False)
    [(run_id, step, task, [datum])] = provider.calls
    assert (run_id, step, task) == ("17", "start", "1")
    assert (datum.field, datum.type, datum.tags) == ("hub-lineage", "hub", ["attempt_id:2"])
    assert json.loads(datum.value) == {"read": [KEY], "made": []}


def test_a_task_that_did_nothing_records_nothing() -> None:
    provider = Provider()
    record(session(), provider, None, is_ok=True)
    assert provider.calls == []


def test_the_run_is_tagged_with_what_was_made_if_it_can_be() -> None:
    run = session()
    run.add(CardRow(KEY, "http://hub", "main", 1, 1, None, 0.1))
    provider = Provider()
    record(run, provider, None, is_ok=True)
    assert provider.tags == ["Train/17", "hub:demo/bert@1a2b3c4d"]
    with pytest.warns(UserWarning, match="could not be tagged with hub:demo/bert@1a2b3c4d: too old"):
        record(run, Provider(takes_tags=False), None, is_ok=True)


def test_tags_have_the_type_of_what_is_no_model() -> None:
    assert tag_of(KEY) == "hub:demo/bert@1a2b3c4d"
    assert tag_of(DATA) == "hub:datasets/demo/imdb@00000000"


def test_the_card_is_a_table_without_scripts_and_escapes_names() -> None:
    run = session()
    run.add(CardRow(KEY, "http://hub", "<script>", 1234, 2_500_000, 1000, 0.25))
    run.add(CardRow(DATA, "http://hub", "main", 1, 3_200_000_000, 0, 1.0))
    run.add(CardRow(DATA, "http://hub", "main", 1, 999, None, 1.0))
    page = render_card(run)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for text in (
        'href="http://hub/demo/bert"', 'href="http://hub/datasets/demo/imdb/tree/0000', "fetched 1.0 kB", "pushed",
        "<td>cache</td>", "2.5 MB", "3.2 GB", "999 B", "1,234", "Train/17/start/1",
    ):  # fmt: skip
        assert text in page
