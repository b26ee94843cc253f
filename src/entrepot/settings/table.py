"""The table of settings: the name, type, default, allowed values and description of each."""

from __future__ import annotations

import functools
import ipaddress
import pathlib
import typing
from typing import Annotated, Literal

import msgspec

from entrepot.settings.readings import (
    BASE_URL,
    COMMAND,
    DATABASE,
    FILE,
    FOLDER,
    HOST,
    HOSTS,
    ISSUER,
    ISSUERS,
    NAMESPACE,
    NETWORKS,
    STORE,
    SWITCH,
    WORD,
    ValueParser,
    duration,
    number,
    one_of,
    size,
)

_KIB, _MIB, _GIB, _TIB = 1024, 1024**2, 1024**3, 1024**4
_HOUR, _DAY = 3600, 86_400


class _Doc(msgspec.Struct, frozen=True):
    reading: ValueParser
    sentence: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of one hub; sizes are in bytes, names ending in ``_s`` are seconds.

    Only ``data`` has no default here: the caller chooses where the data
    folder is. Values passed to this class are not validated; those returned
    by :func:`~entrepot.settings.load_settings` are.
    """

    data: Annotated[pathlib.Path, _Doc(FOLDER, "The folder that holds all data of the hub.")]
    database: Annotated[
        str, _Doc(DATABASE, "The PostgreSQL database of the hub; empty: an SQLite database in the data folder.")
    ] = ""
    database_connections: Annotated[
        int, _Doc(number(2, 1000), "The maximum number of connections of one process to PostgreSQL.")
    ] = 24
    database_timeout_s: Annotated[
        int,
        _Doc(
            duration(2, 300),
            "How long to wait for a connection to PostgreSQL, even if it hangs, and for the lookup of its address.",
        ),
    ] = 10
    store: Annotated[
        str, _Doc(STORE, "The S3 bucket that holds the large files of the hub; empty: they are in the data folder.")
    ] = ""
    scratch: Annotated[
        str,
        _Doc(FILE, "The folder for temporary bytes and cached blocks of a bucket; empty: folders in the data folder."),
    ] = ""
    block_cache_bytes: Annotated[
        int, _Doc(size(0, 1024 * _TIB), "How much disk space the cached blocks of a bucket take; 0 caches nothing.")
    ] = 10 * _GIB
    direct_networks: Annotated[
        tuple[str, ...],
        _Doc(NETWORKS, "The networks whose Xet clients read chunks directly from the bucket; empty: none."),
    ] = ()
    host: Annotated[str, _Doc(HOST, "The address to listen on; 0.0.0.0 and :: mean every interface.")] = "127.0.0.1"
    port: Annotated[int, _Doc(number(0, 65_535), "The TCP port to listen on; 0 takes any free one.")] = 8080
    base_url: Annotated[
        str,
        _Doc(
            BASE_URL, "The base of every URL that the hub returns; empty: taken from the Host header of each request."
        ),
    ] = ""
    tls_cert: Annotated[
        str, _Doc(FILE, "The PEM file of the certificate with its chain, for HTTPS; empty: plain HTTP.")
    ] = ""
    tls_key: Annotated[str, _Doc(FILE, "The PEM file of the private key for 'tls_cert', without a password.")] = ""
    workers: Annotated[int, _Doc(number(1, 256), "The number of server processes that share the port.")] = 1
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _Doc(one_of("debug", "info", "warning", "error"), "The lowest severity that is logged."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"],
        _Doc(one_of("text", "json"), "The format of log lines: text for people, JSON for programs."),
    ] = "text"
    trusted_proxies: Annotated[
        tuple[str, ...],
        _Doc(NETWORKS, "The proxies whose X-Forwarded-For, -Proto and -Host headers are trusted; empty: none."),
    ] = ()
    accel_redirect: Annotated[
        bool, _Doc(SWITCH, "Whether nginx, as a trusted proxy, sends large files directly from the data folder.")
    ] = False
    allowed_hosts: Annotated[
        tuple[str, ...],
        _Doc(HOSTS, "Additional host names by which clients may address the hub if 'base_url' is empty."),
    ] = ()
    body_timeout_s: Annotated[
        int,
        _Doc(
            duration(1, _DAY), "The period over which 'min_body_rate' is measured; slower request bodies end with 408."
        ),
    ] = 60
    min_body_rate: Annotated[
        int, _Doc(size(0, _GIB), "The minimum average rate of a request body, in bytes per second; 0 sets no minimum.")
    ] = _KIB
    drain_s: Annotated[
        int,
        _Doc(
            duration(0, _HOUR),
            "How long a server still serves after SIGTERM, while /readyz says 503 so that load balancers leave it.",
        ),
    ] = 0
    response_timeout_s: Annotated[
        int,
        _Doc(duration(1, _DAY), "How long a client may read nothing of a response before its connection is closed."),
    ] = 300
    max_bodies: Annotated[
        int,
        _Doc(number(1, 1_000_000), "The maximum number of request bodies that one process receives at the same time."),
    ] = 4096
    max_bodies_per_address: Annotated[
        int,
        _Doc(number(1, 1_000_000), "The maximum number of request bodies that one process receives from one address."),
    ] = 256
    public_metrics: Annotated[
        bool, _Doc(SWITCH, "Whether anyone may read /metrics; if not, only this machine and administrators.")
    ] = False
    max_commit_body: Annotated[
        int, _Doc(size(_MIB, _TIB), "The maximum size of the body of a commit request, including inline files.")
    ] = 4 * _GIB
    max_inline_file: Annotated[
        int,
        _Doc(size(_KIB, _GIB), "The maximum size of a regular file; larger files must be uploaded through LFS or Xet."),
    ] = 10 * _MIB
    max_file: Annotated[int, _Doc(size(0, 1024 * _TIB), "The maximum size of any file; 0 sets no limit.")] = 5 * _TIB
    multipart_threshold: Annotated[
        int, _Doc(size(5 * _MIB, 5 * _GIB), "LFS files larger than this are uploaded in parts.")
    ] = _GIB
    part_size: Annotated[
        int,
        _Doc(
            size(5 * _MIB, 5 * _GIB),
            "The size of one part; larger if a file, or all files of one request, would otherwise need too many parts.",
        ),
    ] = 64 * _MIB
    url_lifetime_s: Annotated[
        int, _Doc(duration(60, 7 * _DAY), "How long a signed upload or download URL is valid.")
    ] = 6 * _HOUR
    gc_grace_s: Annotated[
        int,
        _Doc(
            duration(0, 3650 * _DAY),
            "How long unreferenced data is kept before garbage collection; below 1d, running uploads may be lost.",
        ),
    ] = 21 * _DAY
    staging_days: Annotated[
        int, _Doc(number(1, 3650), "How many days staged changes are kept if they are not committed.")
    ] = 7
    chunk_delay_s: Annotated[
        int,
        _Doc(
            duration(0, _DAY), "How long after a commit its large files that are not chunked yet are split into chunks."
        ),
    ] = 10
    dedup_scope: Annotated[
        Literal["readable", "namespace", "hub"],
        _Doc(
            one_of("readable", "namespace", "hub"),
            "Which stored chunks a Xet upload need not send again: those the caller may read, these and those "
            "that their namespace has sent, or all; the wider values reveal content to those who know its hashes.",
        ),
    ] = "readable"
    max_pack: Annotated[
        int, _Doc(size(_MIB, _TIB), "The maximum size of the pack of one git push, without large files.")
    ] = 2 * _GIB
    git_cache_bytes: Annotated[
        int, _Doc(size(0, 1024 * _TIB), "The maximum disk space for the mirrors from which git clones are served.")
    ] = 20 * _GIB
    run_jobs: Annotated[
        bool, _Doc(SWITCH, "Whether 'entrepot serve' also runs background jobs; if not, run 'entrepot worker'.")
    ] = True
    interactive_job_threads: Annotated[
        int,
        _Doc(
            number(0, 64),
            "The number of threads for jobs that users wait for (cards, histories); 0: none in this process.",
        ),
    ] = 2
    heavy_job_threads: Annotated[
        int, _Doc(number(0, 64), "The number of threads that chunk, verify and scrub files; 0: none in this process.")
    ] = 1
    outbound_job_threads: Annotated[
        int, _Doc(number(0, 64), "The number of threads that deliver webhooks; 0: none in this process.")
    ] = 8
    maintenance_job_threads: Annotated[
        int,
        _Doc(number(0, 64), "The number of threads for maintenance jobs (mirrors, trends); 0: none in this process."),
    ] = 1
    short_threads: Annotated[
        int, _Doc(number(1, 1024), "The maximum number of short calls that one process runs at the same time.")
    ] = 8
    transfer_threads: Annotated[
        int,
        _Doc(
            number(1, 1024),
            "The maximum number of transfers and long calls that one process runs at the same time; one address has "
            "at most three quarters of them.",
        ),
    ] = 16
    remembered_bytes: Annotated[
        int,
        _Doc(
            size(0, _TIB),
            "How much memory one process uses for remembered answers and what they are made of; 0: a few MiB.",
        ),
    ] = 175 * _MIB
    webhook_private_targets: Annotated[
        bool, _Doc(SWITCH, "Whether webhooks may connect to addresses of this machine and of private networks.")
    ] = False
    import_private_sources: Annotated[
        bool,
        _Doc(SWITCH, "Whether 'entrepot import' may connect to addresses of this machine and of private networks."),
    ] = False
    webhook_patience_s: Annotated[
        int, _Doc(duration(0, 30 * _DAY), "How long a delivery to a failing webhook is retried before it is dropped.")
    ] = 3 * _DAY
    default_quota_bytes: Annotated[
        int, _Doc(size(0, 1024 * _TIB), "The storage quota of each user and organisation; 0 sets no limit.")
    ] = 0
    default_quota_repos: Annotated[
        int,
        _Doc(
            number(0, 1_000_000_000),
            "The maximum number of repositories of each user and organisation; 0 sets no limit.",
        ),
    ] = 0
    rate_limit_api: Annotated[
        int,
        _Doc(
            number(0, 1_000_000_000),
            "The maximum number of /api requests per token or address in 5 minutes; 0 sets no limit.",
        ),
    ] = 0
    rate_limit_resolve: Annotated[
        int,
        _Doc(
            number(0, 1_000_000_000),
            "The maximum number of file requests per token or address in 5 minutes; 0 sets no limit.",
        ),
    ] = 0
    scanning: Annotated[
        Literal["off", "warn", "hide", "refuse"],
        _Doc(
            one_of("off", "warn", "hide", "refuse"),
            "Whether files are scanned for code that loading them would run; unsafe ones can be hidden or refused.",
        ),
    ] = "off"
    scan_command: Annotated[
        tuple[str, ...],
        _Doc(COMMAND, "A further scanner, which reads each file on its standard input; empty: none."),
    ] = ()
    scan_url: Annotated[
        str, _Doc(BASE_URL, "A further scanner, a service that receives each file in a POST request; empty: none.")
    ] = ""
    scan_token_file: Annotated[
        str, _Doc(FILE, "The file with the token that the hub sends to 'scan_url'; empty: it sends none.")
    ] = ""
    scan_private_targets: Annotated[
        bool, _Doc(SWITCH, "Whether 'scan_url' may be an address of this machine or of a private network.")
    ] = False
    oidc_issuers: Annotated[
        tuple[str, ...],
        _Doc(
            ISSUERS,
            "The OpenID issuers whose tokens trusted publishers may accept; 'URL=FILE' takes the keys from a file.",
        ),
    ] = ()
    oidc_private_issuers: Annotated[
        bool,
        _Doc(SWITCH, "Whether OpenID issuers may be at addresses of this machine and of private networks."),
    ] = False
    convert_parquet: Annotated[
        bool,
        _Doc(SWITCH, "Whether datasets are also shown as Parquet, in the ref `refs/convert/parquet`, after a commit."),
    ] = True
    convert_max_bytes: Annotated[
        int,
        _Doc(size(0, _TIB), "The maximum size of the files of a configuration that are converted to Parquet."),
    ] = _GIB
    sso_issuer: Annotated[
        str, _Doc(ISSUER, "The OpenID issuer with which people may sign in, exactly as it calls itself; empty: none.")
    ] = ""
    sso_client_id: Annotated[str, _Doc(WORD, "The name of the hub at 'sso_issuer'.")] = ""
    sso_client_secret_file: Annotated[
        str, _Doc(FILE, "The file with the secret of the hub at 'sso_issuer'; empty: the hub is a public client.")
    ] = ""
    sso_name_claim: Annotated[str, _Doc(WORD, "The claim that becomes the name of a new account.")] = (
        "preferred_username"
    )
    sso_create_users: Annotated[
        bool, _Doc(SWITCH, "Whether a person who signs in at 'sso_issuer' for the first time gets an account.")
    ] = False
    second_factor: Annotated[
        Literal["optional", "required"],
        _Doc(
            one_of("optional", "required"),
            "Whether every account needs two-step sign-in or a passkey before it and its tokens can be used.",
        ),
    ] = "optional"
    sso_is_second_factor: Annotated[
        bool,
        _Doc(
            SWITCH, "Whether accounts without a password that sign in at 'sso_issuer' count as having a second factor."
        ),
    ] = False
    users_create_orgs: Annotated[
        bool, _Doc(SWITCH, "Whether every user may create organisations; if not, only administrators of the hub.")
    ] = True
    default_visibility: Annotated[
        Literal["public", "private"],
        _Doc(one_of("public", "private"), "The visibility of a new repository if its creator does not choose one."),
    ] = "public"
    default_namespace: Annotated[
        str,
        _Doc(
            NAMESPACE,
            "The namespace in which ids without one (`gpt2`) are looked up if no alias matches; empty: none.",
        ),
    ] = ""

    def __repr__(self) -> str:
        """Return the values, without secrets."""
        shown = {row.name: getattr(self, row.name) for row in SETTINGS}
        masked = {row.name: row.reading.render(shown[row.name]) for row in SETTINGS if row.reading.is_secret}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in (shown | masked).items())})"

    @property
    def scratch_folder(self) -> pathlib.Path:
        """The folder for bytes on their way to a bucket, and for cached blocks of it."""
        return pathlib.Path(self.scratch) if self.scratch else self.data / "scratch"

    @property
    def temporary_folder(self) -> pathlib.Path:
        """The folder for temporary files of requests; it exists while a hub is open."""
        return pathlib.Path(self.scratch) if self.scratch else self.data

    def trusts(self, address: str) -> bool:
        """Return whether the peer at an IP address is a trusted proxy.

        An IPv4 address in the form ``::ffff:a.b.c.d`` counts as the IPv4 address.
        Text that is not an address (the empty peer of a Unix socket) is not trusted.
        """
        return _is_in(address, self.trusted_proxies)

    def reaches_bucket(self, address: str) -> bool:
        """Return whether a client at an IP address reads chunks from the bucket itself."""
        return bool(self.direct_networks) and _is_in(address, self.direct_networks)


class Setting(msgspec.Struct, frozen=True):
    """One row of the table of settings."""

    name: str
    sentence: str
    values: str
    default: str
    """The default as written in a file; ``""`` if there is none or it is empty."""
    reading: ValueParser

    @property
    def variable(self) -> str:
        """The name of the environment variable: ``ENTREPOT_PORT``."""
        return f"ENTREPOT_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """The command-line flag: ``--log-level``."""
        return f"--{self.name.replace('_', '-')}"


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in _networks(networks))


@functools.lru_cache(maxsize=16)
def _networks(
    entries: tuple[str, ...],
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(entry) for entry in entries)


def _rows() -> tuple[Setting, ...]:
    hints = typing.get_type_hints(Settings, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(Settings):
        doc = next(extra for extra in hints[field.name].__metadata__ if isinstance(extra, _Doc))
        default = "" if field.default is msgspec.NODEFAULT else doc.reading.render(field.default)
        rows.append(Setting(field.name, doc.sentence, doc.reading.values, default, doc.reading))
    return tuple(rows)


SETTINGS = _rows()
"""All settings, in the order of the documentation."""
