import pytest

from entrepot.errors import InvalidArgument
from entrepot.workspace.entities.samples import Sample, parse_sample

PATHS = [f"f{number:02}" for number in range(10)]


def test_a_random_sample_can_be_repeated() -> None:
    sample = parse_sample("random", "2:5", 7)
    chosen = sample.choose(PATHS)
    assert len(chosen) == 4
    assert chosen == sample.choose(PATHS) == sorted(chosen)
    assert chosen != parse_sample("random", "2:5", 8).choose(PATHS)


def test_a_range() -> None:
    assert parse_sample("range", "2:8:3", None).choose(PATHS) == ["f02", "f05"]
    assert parse_sample("range", "8:all", None).choose(PATHS) == ["f08", "f09"]
    assert parse_sample("range", "8:-1", None).choose(PATHS) == ["f08", "f09"]


def test_a_group_takes_some_of_each_group_and_the_last_may_be_chosen() -> None:
    chosen = {path for seed in range(50) for path in parse_sample("group", "1:5", seed).choose(PATHS)}
    assert chosen == set(PATHS)
    one = parse_sample("group", "1:5", 1).choose(PATHS)
    assert [path < "f05" for path in one] == [True, False]


@pytest.mark.parametrize(
    ("type_", "rule"),
    [("random", "5"), ("random", "a:b"), ("range", "1"), ("group", "1:2:3"), ("other", "1:2"), ("range", "1:2:x")],
)
def test_rules_of_another_form_are_refused(type_: str, rule: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_sample(type_, rule, 1)


@pytest.mark.parametrize(
    ("type_", "rule"),
    [("random", "0:5"), ("random", "5:5"), ("random", "1:11"), ("range", "5:2"), ("range", "0:11"), ("range", "0:5:0")],
)
def test_rules_that_do_not_fit_the_number_of_files_are_refused(type_: str, rule: str) -> None:
    with pytest.raises(InvalidArgument):
        Sample(type_, rule).choose(PATHS)
