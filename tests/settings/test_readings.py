import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.settings.readings import (
    BASE_URL,
    DATABASE,
    FILE,
    FOLDER,
    HOST,
    HOSTS,
    NETWORKS,
    SWITCH,
    ValueParser,
    duration,
    mask_database,
    number,
    one_of,
    size,
)

PORT = number(0, 65_535)
PART = size(5 * 1024**2, 5 * 1024**3)
LIFETIME = duration(60, 604_800)
LEVEL = one_of("debug", "info")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("reading", "raw", "value"),
    [
        (PORT, 8080, 8080),
        (PORT, " 8080 ", 8080),
        (PORT, "0", 0),
        (PORT, 65_535, 65_535),
        (PART, "64MiB", 67_108_864),
        (PART, 5_242_880, 5_242_880),
        (LIFETIME, "1w", 604_800),
        (LIFETIME, 60, 60),
        (LEVEL, "INFO", "info"),
        (SWITCH, True, True),
        (SWITCH, "off", False),
        (SWITCH, "1", True),
        (FOLDER, "/srv/hub", pathlib.Path("/srv/hub")),
        (FOLDER, pathlib.Path("hub"), pathlib.Path("hub")),
        (FILE, "tls/cert.pem", "tls/cert.pem"),
        (FILE, " ", ""),
        (FILE, pathlib.Path("cert.pem"), "cert.pem"),
        (HOST, "::", "::"),
        (HOST, "hub.example.org", "hub.example.org"),
        (BASE_URL, "", ""),
        (BASE_URL, "https://hub.example.org", "https://hub.example.org"),
        (BASE_URL, "http://[::1]:8080", "http://[::1]:8080"),
        (BASE_URL, "https://example.org/ml/hub", "https://example.org/ml/hub"),
        (DATABASE, " ", ""),
        (DATABASE, "postgres://hub:p%40w@db:5432/hub", "postgresql://hub:p%40w@db:5432/hub"),
        (DATABASE, "postgresql://[::1]/hub?sslmode=require", "postgresql://[::1]/hub?sslmode=require"),
        (DATABASE, "postgresql:///hub?host=/run/postgresql", "postgresql:///hub?host=/run/postgresql"),
        (NETWORKS, "10.0.0.7, ::1", ("10.0.0.7", "::1")),
        (NETWORKS, ["10.0.0.0/8"], ("10.0.0.0/8",)),
        (NETWORKS, "", ()),
        (NETWORKS, "0:0::1", ("::1",)),
    ],
)
def test_a_good_value_is_read(reading: ValueParser, raw: object, value: object) -> None:
    assert reading.read(raw) == value


@pytest.mark.parametrize(
    ("reading", "raw", "cure"),
    [
        (PORT, 65_536, "write 0 to 65535"),
        (PORT, -1, "write 0 to 65535"),
        (PORT, "", "whole number"),
        (PORT, "80a", "whole number"),
        (PORT, True, "not true or false"),
        (PORT, 80.5, "not a fraction"),
        (PART, "1MiB", "write 5MiB to 5GiB"),
        (PART, "6GiB", "write 5MiB to 5GiB"),
        (LIFETIME, "59s", "write 1m to 1w"),
        (LIFETIME, [60], "not a list"),
        (LEVEL, "loud", "one of debug, info"),
        (SWITCH, "maybe", "true or false"),
        (SWITCH, 1, "true or false"),
        (FOLDER, " ", "path of a folder"),
        (FOLDER, "a\0b", "path of a folder"),
        (FOLDER, "~/hub", "in full"),
        (FOLDER, 3, "not a number"),
        (FILE, "~/cert.pem", "in full"),
        (FILE, "a\0b", "path of a file"),
        (FILE, 3, "not a number"),
        (HOST, "http://localhost", "host name only"),
        (HOST, "", "host name only"),
        (BASE_URL, "https://example.org/", "remove the '/' at the end: https://example.org"),
        (BASE_URL, "example.org", "write http:// or https://"),
        (BASE_URL, "ftp://example.org", "write http:// or https://"),
        (BASE_URL, "https://example.org?x=1", "nothing more"),
        (BASE_URL, "https://example.org#x", "nothing more"),
        (BASE_URL, "https://me:pw@example.org", "nothing more"),
        (BASE_URL, "https://example.org:0", "nothing more"),
        (BASE_URL, "https://example.org:65536", "nothing more"),
        (BASE_URL, "https://example.org\r\nX: y", "nothing more"),
        (DATABASE, "mysql://db/hub", "write postgresql://USER:PASSWORD@HOST:PORT/NAME"),
        (DATABASE, "postgresql://hub:p@w@db/hub", "encode special characters"),
        (DATABASE, "postgresql://db", "write postgresql://"),
        (DATABASE, "postgresql://hub@db:s3cret/hub", "write postgresql://"),
        (DATABASE, "postgresql://db/hub?password=x", "before the host"),
        (DATABASE, "postgresql://db/hub?pass%77ord=x", "before the host"),
        (DATABASE, 5432, "not a number"),
        (NETWORKS, "10.0.0.7/8", "not an address or network"),
        (NETWORKS, ["localhost"], "not an address or network"),
        (NETWORKS, ["*"], "not an address or network"),
        (NETWORKS, [7], "not a number"),
        (NETWORKS, 7, "write a list"),
        (HOSTS, "http://hub.example", "not a host"),
        (HOSTS, ["hub example"], "not a host"),
        (HOSTS, ["a/b"], "not a host"),
        (HOSTS, ["x*.example"], "not a host"),
        (HOSTS, 7, "write a list"),
    ],
)
def test_a_bad_value_is_refused_with_its_cure(reading: ValueParser, raw: object, cure: str) -> None:
    with pytest.raises(ValueError, match=cure.replace("?", r"\?")):
        reading.read(raw)


@pytest.mark.parametrize(
    "reading", [PORT, PART, LIFETIME, LEVEL, SWITCH, FOLDER, FILE, HOST, BASE_URL, HOSTS, NETWORKS]
)
@given(raw=anything)
def test_any_value_is_read_or_refused_and_reads_back(reading: ValueParser, raw: object) -> None:
    try:
        value = reading.read(raw)
    except ValueError:
        return
    assert reading.read(reading.render(value)) == value


@pytest.mark.parametrize(
    "raw", ["postgresql://hub:s3cret@@db/hub", "postgresql://hub:s3cret@db", "postgresql://hub@db:s3cret/hub", "s3cret"]
)
def test_a_bad_database_is_not_repeated(raw: str) -> None:
    with pytest.raises(ValueError, match="write postgresql") as caught:
        DATABASE.read(raw)
    assert "s3cret" not in str(caught.value)


def test_the_password_of_a_database_is_not_rendered() -> None:
    assert DATABASE.is_secret
    assert DATABASE.render("postgresql://hub:s3cret@db/hub") == "postgresql://hub:***@db/hub"
    for text in ("", "postgresql://hub@db/hub", "postgresql:///hub?host=/run"):
        assert mask_database(text) == text
