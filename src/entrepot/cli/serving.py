"""``entrepot serve`` and ``entrepot worker``: the processes of a hub."""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType

import click
import msgspec

import entrepot
from entrepot.cli.logs import configure_logging
from entrepot.cli.reports import show
from entrepot.cli.sessions import Session, default_data, folder_options, pass_session
from entrepot.settings import SETTINGS, Setting, Settings, mask_database

_FOLDER_SETTINGS = ("data",)
_STORES = (
    *("database", "database_connections", "database_timeout_s"),
    *("store", "scratch", "block_cache_bytes"),
)
_JOB_THREADS = tuple(f"{lane}_job_threads" for lane in ("interactive", "heavy", "outbound", "maintenance"))
FACTORY = "entrepot.cli.serving:make_app"
"""Import path of the application factory of every server process."""

Command = Callable[..., object]
Application = Callable[..., Awaitable[None]]
"""An ASGI application."""


def encode_settings(settings: Settings) -> str:
    """Serialise settings for another process; :func:`decode_settings` is the inverse."""
    return msgspec.json.encode(settings, enc_hook=str).decode()


def decode_settings(text: str) -> Settings:
    """Parse settings serialised by :func:`encode_settings`."""
    return msgspec.json.decode(text, type=Settings, dec_hook=lambda _kind, value: Path(value))


def make_app(settings: str, worker: int) -> Application:
    """Return the application of one server process, with its own hub context.

    Args:
        settings: from :func:`encode_settings`.
        worker: number of the process; background jobs run in process 0, if
            the settings enable them in the server.
    """
    from entrepot.server.limits.allocations import import_server

    import_server()

    from entrepot.hub.context import open_hub
    from entrepot.hub.file_modes import PRIVATE_UMASK
    from entrepot.hub.jobs.job_notices import JobNotices
    from entrepot.hub.jobs.server_presence import ServerPresence
    from entrepot.server import app
    from entrepot.worker.loop import Worker

    os.umask(PRIVATE_UMASK)
    chosen = decode_settings(settings)
    configure_logging(chosen)
    hub = open_hub(chosen)
    # The application cannot close the hub: its last requests end after its shutdown has begun.
    atexit.register(hub.close)
    runs_jobs = chosen.run_jobs and worker == 0
    services: list[app.BackgroundService] = [ServerPresence(hub), JobNotices(hub, receives=runs_jobs)]
    if runs_jobs:
        services.append(Worker(hub))
    return app.make_app(hub, companions=services)


def setting_options(*names: str) -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each of the named settings (default: all) to a command."""

    def add(command: Command) -> Command:
        for row in reversed(SETTINGS):
            if row.name not in _FOLDER_SETTINGS and (not names or row.name in names):
                command = _option(row)(command)
        return command

    return add


def _option(row: Setting) -> Callable[[Command], Command]:
    if row.name == "run_jobs":
        return click.option("--run-jobs/--no-jobs", "run_jobs", default=None, help=row.sentence)
    default = f"; default: {row.default}" if row.default else ""
    return click.option(row.flag, row.name, metavar="VALUE", help=f"{row.sentence} [{row.values}{default}]")


@click.command(short_help="Run the hub.")
@folder_options
@setting_options()
@click.option("--lifeline", is_flag=True, hidden=True, help="Stop when standard input ends.")
@pass_session
def serve(session: Session, /, lifeline: bool, **flags: object) -> None:
    """Run the hub until SIGTERM or Ctrl-C.

    All data is stored in one folder, which is created if it does not exist.
    Settings can also be given in a TOML file or in environment variables; see
    'entrepot config'. The line 'entrepot listening on http://...' is printed
    once the hub accepts connections.

    \b
    Examples:
      entrepot serve
      entrepot serve --data /srv/hub --host 0.0.0.0 --port 80 --workers 4
      entrepot serve --port 0 --log-format json
      entrepot serve --port 443 --tls-cert fullchain.pem --tls-key privkey.pem
    """
    from entrepot.server.limits.allocations import import_server

    import_server()

    from entrepot.hub.accounts import accounts, first_accounts
    from entrepot.hub.jobs.server_presence import check_not_moving
    from entrepot.hub.sso import browser_sign_ins
    from entrepot.server.certificates import Certificate
    from entrepot.server.hosting import Limits
    from entrepot.server.workers import Hosting
    from entrepot.server.workers import serve as serve_until_stopped

    session.flags.update(flags)
    settings = session.load().settings
    configure_logging(settings)
    browser_sign_ins.check_secret(settings)
    # Opened here first, to refuse an unusable folder before any process starts.
    with session.opened_or_new_hub() as hub:
        check_not_moving(hub)
        setup = None if accounts.has_accounts(hub) else first_accounts.setup_code(hub)
    hosting = Hosting(
        FACTORY,
        encode_settings(settings),
        settings.host,
        settings.port,
        settings.workers,
        Limits(drain_s=settings.drain_s),
        certificate=Certificate(Path(settings.tls_cert), Path(settings.tls_key)) if settings.tls_cert else None,
    )
    with server_lock(settings):
        if lifeline:
            _hold_lifeline()
        serve_until_stopped(hosting, lambda address: _announce(settings, address.url, setup=setup))


def server_lock(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Return the lock that a server takes on its data folder; with PostgreSQL, it locks nothing.

    Several servers may work on one PostgreSQL database and the folder that they share; SQLite is for one machine.
    """
    from entrepot.hub.folder_locks import hold_server_lock

    return contextlib.nullcontext() if settings.database else hold_server_lock(settings.data)


@click.command(short_help="Run background jobs without a server.")
@folder_options
@setting_options("log_level", "log_format", *_STORES, *_JOB_THREADS)
@click.option(
    "--threads", type=click.IntRange(1, 64), help="Number of threads for heavy jobs; same as --heavy-job-threads."
)
@pass_session
def worker(session: Session, /, threads: int | None, **flags: object) -> None:
    """Run the background jobs of a hub until SIGTERM or Ctrl-C.

    'entrepot serve' runs jobs itself unless it is started with --no-jobs. Any
    number of workers can run beside it. Each lane of jobs (interactive, heavy,
    outbound, maintenance) has its own threads. On shutdown, running jobs get 25
    seconds to finish; a second signal stops immediately.

    A new PostgreSQL database is prepared as by 'entrepot serve', so servers and
    workers can be started in any order. Without one, the data folder must have
    a hub.

    \b
    Example:
      entrepot worker --data /srv/hub --heavy-job-threads 2 --outbound-job-threads 0
    """
    from entrepot.hub.jobs.job_notices import JobNotices
    from entrepot.hub.jobs.server_presence import ServerPresence
    from entrepot.worker.loop import Worker

    if threads is not None:
        flags["heavy_job_threads"] = threads
    session.flags.update(flags)
    settings = session.load().settings
    configure_logging(settings)
    # In a cluster, a worker may be the first process; with SQLite, a folder without a hub is a mistyped one.
    with session.opened_or_new_hub() if settings.database else session.opened_hub() as hub:
        presence, notices, jobs = ServerPresence(hub), JobNotices(hub, receives=True), Worker(hub)
        asked = _asked_by_signals()
        presence.start()
        notices.start()
        jobs.start()
        show(f"entrepot worker running the jobs of {hub.settings.data}")
        asked.wait()
        jobs.stop()
        notices.stop()
        presence.stop()


def _announce(settings: Settings, url: str, *, setup: str | None) -> None:
    endpoint = settings.base_url or url
    show(f"entrepot {entrepot.__version__}")
    show(f"  data folder  {settings.data}")
    if settings.database:
        show(f"  database     {mask_database(settings.database)}")
    if settings.store:
        show(f"  store        {settings.store}")
    show(f"  address      {endpoint}")
    if setup is not None:
        data = "" if settings.data == default_data().absolute() else f" --data {shlex.quote(str(settings.data))}"
        show("There is no account yet. Create the first one in a browser, with this link:")
        show(f"  {endpoint}/-/setup?code={setup}")
        show("or here, with a token for it:")
        show(f"  entrepot admin{data} users create NAME --admin")
        show(f"  entrepot admin{data} tokens create NAME --role write")
        show("Then point clients at this hub:")
        show(f"  export HF_ENDPOINT={endpoint}")
        show("  export HF_TOKEN=hf_...")
    show(f"entrepot listening on {url}")


def _asked_by_signals() -> threading.Event:
    """Return an event set by SIGTERM and SIGINT; the next signal then has its default effect."""
    asked = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return asked


def _hold_lifeline() -> None:
    """Send SIGTERM to this process when standard input ends, that is, when its parent exits."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
