"""``entrepot quickstart``: a hub with a first account and a token, in one command."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from entrepot.cli.logs import configure_logging
from entrepot.cli.reports import show, show_message
from entrepot.cli.serving import FACTORY, encode_settings, server_lock, setting_options
from entrepot.cli.sessions import Session, folder_options, pass_session
from entrepot.errors import AccountNotFound, Refused

if TYPE_CHECKING:
    from entrepot.hub.context import HubContext

USER = "hub-admin"
"""Name of the first account."""

_TOKEN = "quickstart"  # noqa: S105 - the name of a token, not its secret
_LIFETIME_MS = 30 * 86_400_000
_LINK_S = 3_600
_NOT_FOUND = 127


@click.command(
    short_help="Start a hub with a first account, to try it out.",
    context_settings={"allow_interspersed_args": False},
)
@folder_options
@setting_options("host", "port")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@pass_session
def quickstart(session: Session, /, command: tuple[str, ...], **flags: object) -> int:
    """Start a hub with a first account, and print how clients connect to it.

    On a new data folder the administrator 'hub-admin' is created; at every start
    it gets a token that is valid for 30 days and replaces the previous one. A
    given COMMAND is run with HF_ENDPOINT and HF_TOKEN set; the hub stops when
    it ends, and the exit code is that of the command. The hub then logs
    warnings and errors only, unless 'log_level' is set.

    \b
    Examples:
      entrepot quickstart
      entrepot quickstart --data ./demo -- python push.py
    """
    from entrepot.server.workers import Hosting
    from entrepot.server.workers import serve as serve_until_stopped

    session.flags.update(flags)
    loaded = session.load()
    if command and loaded.sources["log_level"] == "default":
        session.flags["log_level"] = "warning"  # the output of the command is what the user wants to read
        loaded = session.load()
    settings = loaded.settings
    configure_logging(settings)
    codes: list[int] = []

    def announce(url: str) -> None:
        if command:
            environ = dict(session.environ)
            for prefix in ("HF", "ENTREPOT"):
                environ |= {f"{prefix}_ENDPOINT": url, f"{prefix}_TOKEN": secret}
            threading.Thread(target=_run, args=(command, environ, codes), name="quickstart").start()
        else:
            _greet(settings.data, url, secret, code)

    hosting = Hosting(FACTORY, encode_settings(settings), settings.host, settings.port)
    with session.opened_or_new_hub():  # makes the folder of the lock, and refuses an unusable one
        pass
    # The lock comes before the token, which would end that of a hub that runs in this folder.
    with server_lock(settings):
        with session.opened_hub() as hub:
            secret = _fresh_token(hub)
            code = None if command else _fresh_code(hub)
        serve_until_stopped(hosting, lambda address: announce(settings.base_url or address.url))
    return codes[0] if codes else 0


def _fresh_token(hub: HubContext) -> str:
    from entrepot.hub.accounts import accounts

    if not accounts.has_accounts(hub):
        accounts.create_user(hub, USER, is_admin=True)
    try:
        tokens = accounts.list_tokens(hub, USER)
    except AccountNotFound:
        raise Refused(f"this hub has accounts, but none called {USER!r}: start it with 'entrepot serve'") from None
    for token in tokens:
        if token.name == _TOKEN:
            accounts.revoke_token(hub, USER, token.uid)
    expires_ms = hub.now_ms() + _LIFETIME_MS
    return accounts.create_token(hub, USER, role="write", name=_TOKEN, expires_ms=expires_ms).secret


def _fresh_code(hub: HubContext) -> str:
    from entrepot.hub import audit
    from entrepot.hub.accounts import sign_ins

    return sign_ins.issue_code(hub, audit.CONSOLE, USER, _LINK_S).code


def _run(command: tuple[str, ...], environ: dict[str, str], codes: list[int]) -> None:
    """Run the command, record its exit code, and signal this process to stop."""
    try:
        codes.append(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603 - the user wrote it
    except OSError as error:
        show_message(f"error: cannot run {command[0]}: {error.strerror}")
        codes.append(_NOT_FOUND)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def _greet(data: Path, url: str, secret: str, code: str | None) -> None:
    show(f"entrepot listening on {url}, with its data in {data}")
    show(f"Use it from another terminal, as the administrator {USER!r}:")
    show(f"  export HF_ENDPOINT={shlex.quote(url)}")
    show(f"  export HF_TOKEN={secret}")
    program = "from huggingface_hub import HfApi; print(HfApi().whoami()['name'])"
    show(f'  {shlex.quote(sys.executable)} -c "{program}"')
    show("Or see it in a browser; this link signs you in once, within an hour:")
    show(f"  {url}/login?code={code}")
    show("The token is valid for 30 days; the next quickstart replaces it. Ctrl-C stops the hub.")
