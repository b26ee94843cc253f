"""Every setting, once: its name, type, default, allowed values and one sentence."""

from __future__ import annotations

import functools
import ipaddress
import pathlib
import typing
from typing import Annotated, Literal

import msgspec

from entrepot.settings.readings import (
    BASE_URL,
    FILE,
    FOLDER,
    HOST,
    HOSTS,
    NAMESPACE,
    NETWORKS,
    SWITCH,
    Reading,
    duration,
    number,
    one_of,
    size,
)

_KIB, _MIB, _GIB, _TIB = 1024, 1024**2, 1024**3, 1024**4
_HOUR, _DAY = 3600, 86_400


class _Doc(msgspec.Struct, frozen=True):
    reading: Reading
    sentence: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of one hub; sizes are bytes, names ending in ``_s`` are seconds.

    Only ``data`` has no default here: where a user's data belong is for the
    caller to say. Values made directly are not checked; those made by
    :func:`~entrepot.settings.load_settings` are.
    """

    data: Annotated[pathlib.Path, _Doc(FOLDER, "The folder that holds everything the hub keeps.")]
    host: Annotated[str, _Doc(HOST, "The address to listen on; 0.0.0.0 and :: mean every interface.")] = "127.0.0.1"
    port: Annotated[int, _Doc(number(0, 65_535), "The TCP port to listen on; 0 takes any free one.")] = 8080
    base_url: Annotated[
        str,
        _Doc(BASE_URL, "The origin of every URL handed out; empty takes it from the Host of each request."),
    ] = ""
    tls_cert: Annotated[
        str, _Doc(FILE, "The PEM file of the certificate, with its chain, to speak HTTPS; empty speaks plain HTTP.")
    ] = ""
    tls_key: Annotated[str, _Doc(FILE, "The PEM file of the private key of 'tls_cert', without a password.")] = ""
    workers: Annotated[int, _Doc(number(1, 256), "How many server processes share the port.")] = 1
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _Doc(one_of("debug", "info", "warning", "error"), "The least serious events that are logged."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], _Doc(one_of("text", "json"), "Log lines for people or for machines.")
    ] = "text"
    trusted_proxies: Annotated[
        tuple[str, ...],
        _Doc(NETWORKS, "The proxies whose X-Forwarded-For, -Proto and -Host are believed; empty believes none."),
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...],
        _Doc(HOSTS, "Further hosts by which clients may address the hub while 'base_url' is empty."),
    ] = ()
    body_timeout_s: Annotated[
        int, _Doc(duration(1, _DAY), "How long a request body may stall before the request is ended with 408.")
    ] = 60
    min_body_rate: Annotated[
        int, _Doc(size(0, _GIB), "The bytes a second that a request body must bring on average over that time.")
    ] = _KIB
    response_timeout_s: Annotated[
        int, _Doc(duration(1, _DAY), "How long a client may take no byte of a response before it is cut off.")
    ] = 300
    max_bodies: Annotated[
        int, _Doc(number(1, 1_000_000), "How many unfinished request bodies one process receives at the same time.")
    ] = 4096
    max_bodies_per_address: Annotated[
        int, _Doc(number(1, 1_000_000), "How many unfinished request bodies one process receives from one address.")
    ] = 256
    public_metrics: Annotated[
        bool, _Doc(SWITCH, "Whether /metrics answers everyone; if not, this machine and administrators only.")
    ] = False
    max_commit_body: Annotated[
        int, _Doc(size(_MIB, _TIB), "The largest body of one commit request, inline files included.")
    ] = 4 * _GIB
    max_inline_file: Annotated[
        int, _Doc(size(_KIB, _GIB), "The largest regular file; larger ones must be uploaded through LFS or Xet.")
    ] = 10 * _MIB
    max_file: Annotated[int, _Doc(size(0, 1024 * _TIB), "The largest file of any kind; 0 sets no limit.")] = 5 * _TIB
    multipart_threshold: Annotated[
        int, _Doc(size(5 * _MIB, 5 * _GIB), "LFS files above this size are uploaded in parts.")
    ] = _GIB
    part_size: Annotated[
        int, _Doc(size(5 * _MIB, 5 * _GIB), "The size of one part; it grows when a file would need too many.")
    ] = 64 * _MIB
    url_lifetime_s: Annotated[
        int, _Doc(duration(60, 7 * _DAY), "How long a signed URL for uploading or downloading bytes works.")
    ] = 6 * _HOUR
    gc_grace_s: Annotated[
        int,
        _Doc(duration(0, 3650 * _DAY), "How long bytes that nothing names are kept; below 1d, uploads may be lost."),
    ] = 21 * _DAY
    chunk_delay_s: Annotated[
        int, _Doc(duration(0, _DAY), "How long after a commit its large files that came whole are made into chunks.")
    ] = 10
    dedup_scope: Annotated[
        Literal["readable", "namespace", "hub"],
        _Doc(
            one_of("readable", "namespace", "hub"),
            "Which stored chunks uploads through Xet need not send: what the caller may read, also what their "
            "namespace has sent, or everything; the wider ones reveal content to those who know its hashes.",
        ),
    ] = "readable"
    max_pack: Annotated[int, _Doc(size(_MIB, _TIB), "The largest pack of one git push, large files not included.")] = (
        2 * _GIB
    )
    git_cache_bytes: Annotated[
        int, _Doc(size(0, 1024 * _TIB), "How much disk the copies may take that git clones are served from.")
    ] = 20 * _GIB
    run_jobs: Annotated[
        bool, _Doc(SWITCH, "Whether 'entrepot serve' also runs background jobs; if not, run 'entrepot worker'.")
    ] = True
    interactive_job_threads: Annotated[
        int, _Doc(number(0, 64), "How many jobs that people wait for (cards, histories) run at once; 0: none here.")
    ] = 2
    heavy_job_threads: Annotated[
        int, _Doc(number(0, 64), "How many threads chunk, verify and scrub; 0: none in this process.")
    ] = 1
    outbound_job_threads: Annotated[
        int, _Doc(number(0, 64), "How many deliveries to webhooks are under way at once; 0: none in this process.")
    ] = 8
    maintenance_job_threads: Annotated[
        int, _Doc(number(0, 64), "How many jobs of upkeep (clone caches, trends) run at once; 0: none here.")
    ] = 1
    short_threads: Annotated[int, _Doc(number(1, 1024), "How many short calls one process runs at the same time.")] = 8
    transfer_threads: Annotated[
        int, _Doc(number(1, 1024), "How many long transfers one process runs at the same time.")
    ] = 16
    webhook_private_targets: Annotated[
        bool, _Doc(SWITCH, "Whether webhooks may reach addresses of this machine and of private networks.")
    ] = False
    import_private_sources: Annotated[
        bool, _Doc(SWITCH, "Whether 'entrepot import' may reach addresses of this machine and of private networks.")
    ] = False
    webhook_patience_s: Annotated[
        int, _Doc(duration(0, 30 * _DAY), "How long a webhook's receiver may refuse before news for it are dropped.")
    ] = 3 * _DAY
    default_quota_bytes: Annotated[
        int, _Doc(size(0, 1024 * _TIB), "How much every user and organisation may keep; 0 sets no limit.")
    ] = 0
    default_quota_repos: Annotated[
        int, _Doc(number(0, 1_000_000_000), "How many repositories each may have; 0 sets no limit.")
    ] = 0
    rate_limit_api: Annotated[
        int,
        _Doc(number(0, 1_000_000_000), "Requests to /api that each token or address may send in 5 minutes; 0: any."),
    ] = 0
    rate_limit_resolve: Annotated[
        int,
        _Doc(number(0, 1_000_000_000), "Requests for files that each token or address may send in 5 minutes; 0: any."),
    ] = 0
    users_create_orgs: Annotated[
        bool, _Doc(SWITCH, "Whether every user may make organisations; if not, only administrators of the hub.")
    ] = True
    default_visibility: Annotated[
        Literal["public", "private"],
        _Doc(one_of("public", "private"), "Who sees a new repository whose maker did not say."),
    ] = "public"
    default_namespace: Annotated[
        str,
        _Doc(
            NAMESPACE,
            "Where ids without a namespace (`gpt2`) are looked up if no alias has the name; empty: nowhere.",
        ),
    ] = ""

    def trusts(self, address: str) -> bool:
        """Whether the peer at an IP address may say how the client reached it.

        An IPv4 address that arrives as ``::ffff:a.b.c.d`` counts as itself;
        text that is no address (a Unix socket's empty peer) is not trusted.
        """
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in _networks(self.trusted_proxies))


class Setting(msgspec.Struct, frozen=True):
    """One row of the table of settings."""

    name: str
    sentence: str
    values: str
    default: str
    """As it would be written; ``""`` when the setting has none or it is empty."""
    reading: Reading

    @property
    def variable(self) -> str:
        """Its environment variable: ``ENTREPOT_PORT``."""
        return f"ENTREPOT_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """Its command-line flag: ``--log-level``."""
        return f"--{self.name.replace('_', '-')}"


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
"""Every setting, in the order in which people should read them."""
