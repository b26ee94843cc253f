"""Parsers of setting values, each with a description for people.

A :class:`ValueParser` converts the value that a TOML file, a variable or a flag
holds to the typed value, or raises ``ValueError`` with a message that says
what to write. It accepts text for every type, because variables hold only text.
"""

from __future__ import annotations

import ipaddress
import pathlib
import re
import shlex
import urllib.parse
from collections.abc import Callable

import msgspec

from entrepot.errors import shown
from entrepot.settings.quantities import parse_duration, parse_size, render_duration, render_size

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,253}")
_ALLOWED_HOST = re.compile(
    r"\*|(?:(?:\*\.)?[a-z0-9._-]{1,253}|\[[0-9a-f:.]+\]|[0-9a-f]*:[0-9a-f:.]+)(?<!:)(?::[0-9]{1,5})?"
)
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{2,42}")
_BASE_URL = re.compile(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:/[A-Za-z0-9._~-]+)*", re.IGNORECASE
)
_PLACE = r"(?:[A-Za-z0-9._%-]+|\[[0-9A-Fa-f:.%]+\])(?::[0-9]{1,5})?"
_DATABASE = re.compile(
    rf"postgres(?:ql)?://(?P<user>[^\s/@:]*(?::[^\s/@]*)?@)?(?P<rest>(?:{_PLACE}(?:,{_PLACE})*)?/[^\s/?#@]+(?:\?[^\s#]*)?)",
    re.IGNORECASE,
)
_STORE = re.compile(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._-]{1,200})*/?"
    r"(?:\?(?:endpoint|region|profile)=[^\s&#@]+(?:&(?:endpoint|region|profile)=[^\s&#@]+)*)?"
)
_SECRET_PARAMETER = re.compile(r"[?&](?:ssl)?password=", re.IGNORECASE)


class ValueParser(msgspec.Struct, frozen=True):
    """The parser of one type of value.

    Attributes:
        values: the accepted values, described for people.
        read: converts text or a TOML value to the typed value; raises ``ValueError`` that says what to write.
        render: converts the typed value to the shortest text that :attr:`read` accepts, but for secrets.
        is_secret: whether values can contain a password, which :attr:`render` leaves out.
    """

    values: str
    read: Callable[[object], object]
    render: Callable[[object], str] = str
    is_secret: bool = False


def number(lowest: int, highest: int) -> ValueParser:
    """Return a parser of whole numbers between two bounds, inclusive."""

    def parse(text: str) -> int:
        if not _NUMBER.fullmatch(text.strip()):
            raise ValueError("write a whole number")
        return int(text)

    return ValueParser(f"a number, {lowest} to {highest}", _bounded(parse, lowest, highest, str))


def size(lowest: int, highest: int) -> ValueParser:
    """Return a parser of byte counts between two bounds, inclusive."""
    words = f"a size, {render_size(lowest)} to {render_size(highest)}"
    return ValueParser(words, _bounded(parse_size, lowest, highest, render_size), _as_text(render_size))


def duration(lowest: int, highest: int) -> ValueParser:
    """Return a parser of durations in seconds between two bounds, inclusive."""
    words = f"a duration, {render_duration(lowest)} to {render_duration(highest)}"
    return ValueParser(words, _bounded(parse_duration, lowest, highest, render_duration), _as_text(render_duration))


def one_of(*words: str) -> ValueParser:
    """Return a parser of a fixed set of words, case-insensitive."""

    def read(value: object) -> object:
        word = _text(value).strip().lower()
        if word not in words:
            raise ValueError(f"write one of {', '.join(words)}")
        return word

    return ValueParser(" or ".join(words), read)


def _read_switch(value: object) -> object:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.strip().lower() not in _WORDS:
        raise ValueError("write true or false")
    return _WORDS[value.strip().lower()]


def _read_folder(value: object) -> object:
    text = str(value) if isinstance(value, pathlib.PurePath) else _text(value)
    if not text.strip() or "\0" in text:
        raise ValueError("write the path of a folder")
    if text.startswith("~"):
        raise ValueError("'~' has no meaning outside of a shell; write the path in full")
    return pathlib.Path(text)


def _read_file(value: object) -> object:
    text = str(value) if isinstance(value, pathlib.PurePath) else _text(value)
    if "\0" in text:
        raise ValueError("write the path of a file, or nothing")
    if text.startswith("~"):
        raise ValueError("'~' has no meaning outside of a shell; write the path in full")
    return text if text.strip() else ""


def _read_host(value: object) -> object:
    text = _text(value).strip()
    if not _HOST.fullmatch(text):
        raise ValueError("write an address or host name only, such as 127.0.0.1, 0.0.0.0 or ::")
    return text


def _read_base_url(value: object) -> object:
    text = _text(value).strip()
    if not text:
        return ""
    if text.endswith("/"):
        raise ValueError(f"remove the '/' at the end: {shown(text.rstrip('/'), quote=False)}")
    match = _BASE_URL.fullmatch(text)
    if not match or int(match[1] or 1) not in range(1, 65_536):
        raise ValueError("write http:// or https://, a host, perhaps a port and a path, and nothing more")
    return text


def _read_namespace(value: object) -> object:
    text = _text(value).strip()
    if text and not _ACCOUNT.fullmatch(text):
        raise ValueError("write the name of a user or organisation, or nothing")
    return text


def _read_networks(value: object) -> object:
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        raise ValueError("write a list of addresses, or one string with commas")
    networks = []
    for entry in entries:
        text = _text(entry).strip()
        if not text:
            continue
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise ValueError(
                f"{shown(text)} is not an address or network; write for example 10.0.0.7 or 10.0.0.0/8"
            ) from None
        networks.append(str(network.network_address) if network.num_addresses == 1 else str(network))
    return tuple(networks)


def _read_hosts(value: object) -> object:
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        raise ValueError("write a list of host names, or one string with commas")
    hosts = []
    for entry in entries:
        text = _text(entry).strip().lower()
        if not text:
            continue
        if not _ALLOWED_HOST.fullmatch(text):
            raise ValueError(
                f"{shown(text)} is not a host; write a name or address, optionally a port, *.example.org, or * for any"
            )
        hosts.append(text)
    return tuple(hosts)


def _read_issuers(value: object) -> object:
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        raise ValueError("write a list of issuers, or one string with commas")
    found = [_text(entry).strip() for entry in entries]
    for entry in filter(None, found):
        url, separator, file = (part.strip() for part in entry.partition("="))
        if not _BASE_URL.fullmatch(url.removesuffix("/")):
            raise ValueError(f"{shown(url)} is not an issuer; write its URL, or URL=FILE with the file of its keys")
        if separator and not file.startswith("/"):
            raise ValueError(f"{shown(file)} is not the full path of a file of keys")
    return tuple(filter(None, found))


def _read_issuer(value: object) -> object:
    text = _text(value).strip()
    if text and not _BASE_URL.fullmatch(text.removesuffix("/")):
        raise ValueError("write the URL of the issuer exactly as it calls itself, or nothing")
    return text


def _read_word(value: object) -> object:
    text = _text(value).strip()
    if len(text) > 300 or not text.isprintable():
        raise ValueError("write at most 300 printable characters")
    return text


def _read_command(value: object) -> object:
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("a quotation mark is not closed") from None
    if not isinstance(words, list | tuple):
        raise ValueError("write a list of words, or one string as for a shell")
    found = tuple(_text(word) for word in words)
    if any("\0" in word for word in found) or (found and not found[0]):
        raise ValueError("write a program and its arguments")
    return found


def _render_command(value: object) -> str:
    return shlex.join(value) if isinstance(value, tuple) else str(value)


def _render_networks(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _read_database(value: object) -> object:
    # No message repeats the value: it may contain a password.
    text = _text(value).strip()
    if not text:
        return ""
    match = _DATABASE.fullmatch(text)
    if not match:
        raise ValueError(
            "write postgresql://USER:PASSWORD@HOST:PORT/NAME, or nothing; encode special characters as %40"
        )
    if _SECRET_PARAMETER.search(urllib.parse.unquote(match["rest"])):
        raise ValueError("write the password before the host, as in postgresql://USER:PASSWORD@HOST/NAME")
    return f"postgresql://{match['user'] or ''}{match['rest']}"


def _read_store(value: object) -> object:
    # No message repeats the value: someone may have written a secret into it.
    text = _text(value).strip()
    if "@" in text.partition("?")[0]:
        raise ValueError("write no credentials: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws")
    if text and not _STORE.fullmatch(text):
        raise ValueError("write s3://BUCKET/PREFIX?endpoint=URL&region=NAME&profile=NAME (only the bucket is required)")
    return text


def mask_database(value: object) -> str:
    """Return the URL of a database with ``***`` for its password."""
    return re.sub(r"\A([a-z+]+://[^/@:]*:)[^/@]*(?=@)", r"\1***", str(value))


FOLDER = ValueParser("a path", _read_folder)
COMMAND = ValueParser("a program with its arguments, or empty", _read_command, _render_command)
FILE = ValueParser("a path, or empty", _read_file)
DATABASE = ValueParser("a URL of PostgreSQL, or empty", _read_database, mask_database, is_secret=True)
STORE = ValueParser("a URL of a bucket, or empty", _read_store)
HOST = ValueParser("an address or host name", _read_host)
BASE_URL = ValueParser("a URL, or empty", _read_base_url)
HOSTS = ValueParser("a list of host names", _read_hosts, _render_networks)
NAMESPACE = ValueParser("a user or organisation, or nothing", _read_namespace)
ISSUER = ValueParser("a URL, or empty", _read_issuer)
WORD = ValueParser("text, or empty", _read_word)
ISSUERS = ValueParser("a list of URLs, each perhaps with =FILE", _read_issuers, _render_networks)
NETWORKS = ValueParser("a list of addresses or networks", _read_networks, _render_networks)
SWITCH = ValueParser("true or false", _read_switch, lambda value: str(value).lower())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"write text, not {_kind(value)}")
    return value


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a fraction", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a value of another kind")


def _bounded(
    parse: Callable[[str], int], lowest: int, highest: int, render: Callable[[int], str]
) -> Callable[[object], object]:
    def read(value: object) -> object:
        # In Python a bool is an int; as a number in a setting it is a mistake.
        amount = value if isinstance(value, int) and not isinstance(value, bool) else None
        if amount is None:
            amount = parse(_text(value))
        if not lowest <= amount <= highest:
            raise ValueError(f"{amount} is out of range; write {render(lowest)} to {render(highest)}")
        return amount

    return read


def _as_text(render: Callable[[int], str]) -> Callable[[object], str]:
    return lambda value: render(value) if isinstance(value, int) else str(value)
