"""Logging in and out: a token is checked with the hub, then kept for it on this computer.

Several hubs may be logged in at side by side.
"""

from __future__ import annotations

import getpass
import importlib
import importlib.util
import sys
import warnings
from typing import Any

import attrs

from entrepot.client.calls import accounts
from entrepot.client.hubs import connect, find_token
from entrepot.client.paths import ClientPaths, current_places, parse_endpoint
from entrepot.client.tokens import ARGUMENT, TokenStore, parse_token
from entrepot.errors import EntrepotError, InvalidArgument, InvalidCredentials, LibraryMissing, NotAllowed


@attrs.frozen
class Login:
    """Who is logged in where; ``role`` is what the token may do, ``file`` where it is kept."""

    endpoint: str
    user: str
    role: str
    file: str


def login(
    token: str | None = None,
    *,
    add_to_git_credential: bool = False,
    new_session: bool = True,
    skip_if_logged_in: bool | None = None,
    write_permission: bool = False,
    endpoint: str | None = None,
) -> Login | None:
    """Check a token with the hub and keep it for later; without one, ask for it.

    Args:
        token: None asks in the notebook or at the terminal.
        add_to_git_credential: hand the token to git's credential helper too.
        new_session: False is content with a token that is kept and valid;
            ``skip_if_logged_in`` says the same the other way round.
        write_permission: refuse a token that may only read.
        endpoint: the hub; None is that of the environment.

    Returns:
        Who is logged in now; None when a notebook still waits for the token.

    Raises:
        ConfigError: this is no token, or the file cannot be written.
        InvalidCredentials: the hub does not know the token; nothing was kept.
        NotAllowed: it may only read, and ``write_permission``.
        HubUnreachable and the like: nobody could check it.
    """
    places, address = _address(endpoint)
    if token is None:
        is_new = new_session if skip_if_logged_in is None else not skip_if_logged_in
        if not is_new and (known := _kept(places, address, write_permission=write_permission)):
            return known
        if _is_notebook():
            notebook_login(write_permission=write_permission, endpoint=endpoint)
            return None
        token = _ask(address)
    return _checked_login(places, address, token, add_to_git_credential, write_permission)


def logout(endpoint: str | None = None) -> bool:
    """Forget the token of a hub, here and in git's credential helper; whether there was one.

    Raises:
        InvalidArgument: a token stands in ENTREPOT_TOKEN, which only its owner can unset.
    """
    places, address = _address(endpoint)
    store = TokenStore(places.tokens)
    stored = store.find(address)
    if stored is not None:
        from entrepot.client.git.git_credentials import forget

        forget(address)
    removed = store.remove(address)
    if places.token_for(address) is not None:
        raise InvalidArgument("the token in ENTREPOT_TOKEN still logs you in: unset the variable")
    return removed


def interpreter_login(
    *,
    new_session: bool = True,
    skip_if_logged_in: bool | None = None,
    write_permission: bool = False,
    endpoint: str | None = None,
) -> Login:
    """As :func:`login`, asking at the terminal wherever the program runs."""
    places, address = _address(endpoint)
    is_new = new_session if skip_if_logged_in is None else not skip_if_logged_in
    known = None if is_new else _kept(places, address, write_permission=write_permission)
    return known or _checked_login(places, address, _ask(address), False, write_permission)


def notebook_login(
    *,
    new_session: bool = True,
    skip_if_logged_in: bool | None = None,
    write_permission: bool = False,
    endpoint: str | None = None,
) -> None:
    """Show a form for the token below the cell of a notebook, and log in when its button is pressed.

    Raises:
        LibraryMissing: ipywidgets is not installed, or this is no notebook.
    """
    try:
        # By name: a type checker need not have what only notebooks have.
        widgets = importlib.import_module("ipywidgets")
        display = importlib.import_module("IPython.display").display
    except ImportError as error:
        raise LibraryMissing("ipywidgets", "ipywidgets") from error
    places, address = _address(endpoint)
    is_new = new_session if skip_if_logged_in is None else not skip_if_logged_in
    known = None if is_new else _kept(places, address, write_permission=write_permission)
    field = widgets.Password(description="Token:")
    keep = widgets.Checkbox(value=False, description="Add to git credentials")
    button = widgets.Button(description="Log in")
    title = widgets.Label(f"A token of the hub at {address}: its page 'Access tokens' makes them.")
    box = widgets.VBox([widgets.Label(_welcome(known))] if known else [title, field, keep, button])

    def finish(_button: object) -> None:
        # The notebook keeps what stands in a field: the token must not.
        secret, field.value = field.value, ""
        try:
            done = _checked_login(places, address, secret, bool(keep.value), write_permission)
        except EntrepotError as error:
            box.children = [widgets.Label(error.message), field, keep, button]
        else:
            box.children = [widgets.Label(_welcome(done))]

    button.on_click(finish)
    display(box)


def get_token(endpoint: str | None = None) -> str | None:
    """The token that calls to a hub are sent with; None: nobody is logged in there."""

    places, address = _address(endpoint)
    return find_token(places, address)


class HfFolder:
    """The token of the hub of the environment, under the names of older programs."""

    @classmethod
    def save_token(cls, token: str) -> None:
        """Keep a token without asking the hub about it; prefer :func:`login`."""
        places, address = _address(None)
        TokenStore(places.tokens).put(address, parse_token(token, ARGUMENT, is_trimmed=True))

    @classmethod
    def get_token(cls) -> str | None:
        """The token that calls are sent with; None: nobody is logged in."""
        return get_token()

    @classmethod
    def delete_token(cls) -> None:
        """Forget the token that is kept, if there is one."""
        places, address = _address(None)
        TokenStore(places.tokens).remove(address)


def _address(endpoint: str | None) -> tuple[ClientPaths, str]:
    places = current_places()
    return places, parse_endpoint(endpoint) if endpoint else places.endpoint


def _checked_login(
    places: ClientPaths, address: str, token: str, add_to_git_credential: bool, write_permission: bool
) -> Login:
    # People paste it, or read it from a file: what stands around it is not a part of it.
    secret = parse_token(token, ARGUMENT, is_trimmed=True)
    user, role = _described(places, address, secret)
    if write_permission and role == "read":
        raise NotAllowed("the token is valid, but it may only read: make one with the role 'write'")
    path = TokenStore(places.tokens).put(address, secret)
    if add_to_git_credential:
        from entrepot.client.git.git_credentials import remember

        remember(address, user, secret)
    return Login(address, user, role, str(path))


def _kept(places: ClientPaths, address: str, *, write_permission: bool) -> Login | None:
    """Who is logged in by a token that is kept and, as the hub says, still good."""
    store = TokenStore(places.tokens)
    stored = store.find(address)
    if stored is None:
        return None
    if stored.warning is not None:
        warnings.warn(stored.warning, UserWarning, stacklevel=1)
    try:
        user, role = _described(places, address, stored.secret)
    except InvalidCredentials:
        return None
    return None if write_permission and role == "read" else Login(address, user, role, str(store.file(address)))


def _described(places: ClientPaths, address: str, secret: str) -> tuple[str, str]:
    found = connect(address, secret, places=places).send(accounts.whoami())
    return found.name, found.auth.access_token.role


def _ask(address: str) -> str:
    return getpass.getpass(f"Token of the hub at {address} (it will not be shown): ")


def _welcome(done: Login) -> str:
    return f"Logged in at {done.endpoint} as {done.user} (the token may {done.role})."


def _is_notebook() -> bool:
    """Whether a kernel runs this, so that a form can be shown."""
    shell: Any = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return type(running).__name__ == "ZMQInteractiveShell" and importlib.util.find_spec("ipywidgets") is not None
