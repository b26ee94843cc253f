import pytest

from entrepot.errors import LimitExceeded, Malformed
from entrepot.workspace.entities.metrics import MAX_BYTES, parse_metrics, parse_metrics_file


def test_metrics_are_floats() -> None:
    assert parse_metrics([("accuracy", "10"), ("recall", "1e-3")]) == {"accuracy": 10.0, "recall": 0.001}
    assert parse_metrics_file(b"\xef\xbb\xbfaccuracy,recall\n10,0.5\n", "f") == {"accuracy": 10.0, "recall": 0.5}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "found 0 lines"),
        (b"a,b\n1,2\n3,4\n", "found 3 lines"),
        (b"a,b\n1\n", "line 1 has 2 columns, line 2 has 1"),
        (b"a,a\n1,2\n", "column 2"),
        (b"a,\n1,2\n", "empty"),
        (b"a,b\n1,x\n", "line 2, column 2"),
        (b"a\nnan\n", "finite"),
        (b"a\ninf\n", "finite"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_place(content: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_metrics_file(content, "f.csv")


def test_limits() -> None:
    with pytest.raises(LimitExceeded):
        parse_metrics_file(b"x" * (MAX_BYTES + 1), "f")
    with pytest.raises(LimitExceeded):
        parse_metrics_file(b",".join(b"%d" % n for n in range(1001)) + b"\n" + b",".join([b"1"] * 1001), "f")
    with pytest.raises(Malformed):
        parse_metrics([("a", "nan")])
