"""Log in and out: tokens are checked with the hub and stored on this computer.

Tokens of several hubs can be stored side by side.
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
from entrepot.client.paths import ClientPaths, current_paths, parse_endpoint
from entrepot.client.tokens import ARGUMENT, TokenStore, parse_token
from entrepot.errors import EntrepotError, InvalidArgument, InvalidCredentials, LibraryMissing, NotAllowed


@attrs.frozen
class Login:
    """A login: the hub, the user, the ``role`` of the token, and the ``file`` that stores it."""

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
    """Check a token with the hub and store it; prompt for the token if none is passed.

    Args:
        token: an access token; None prompts in the notebook or at the terminal.
        add_to_git_credential: also pass the token to git's credential helper.
        new_session: False keeps a stored token that is still valid.
        skip_if_logged_in: the opposite of ``new_session``, under its newer name.
        write_permission: refuse a token with the role ``read``.
        endpoint: URL of the hub; None is that of the environment.

    Returns:
        The login; None in a notebook, where the form is still waiting for the token.

    Raises:
        ConfigError: the text is not a token, or the file cannot be written.
        InvalidCredentials: the token is invalid; nothing was stored.
        NotAllowed: the token has the role ``read``, and ``write_permission`` is True.
        HubUnreachable: the token could not be checked; other transport errors likewise.
    """
    paths, address = _address(endpoint)
    if token is None:
        is_new = new_session if skip_if_logged_in is None else not skip_if_logged_in
        if not is_new and (known := _kept(paths, address, write_permission=write_permission)):
            return known
        if _is_notebook():
            notebook_login(write_permission=write_permission, endpoint=endpoint)
            return None
        token = _ask(address)
    return _checked_login(paths, address, token, add_to_git_credential, write_permission)


def logout(endpoint: str | None = None) -> bool:
    """Remove the token of a hub from the store of this client and from git's credential helper.

    Returns:
        Whether a token was stored.

    Raises:
        InvalidArgument: the environment contains a token (``ENTREPOT_TOKEN``); unset the variable to log out.
    """
    paths, address = _address(endpoint)
    store = TokenStore(paths.tokens)
    stored = store.find(address)
    if stored is not None:
        from entrepot.client.git.git_credentials import forget

        forget(address)
    removed = store.remove(address)
    if paths.token_for(address) is not None:
        raise InvalidArgument("a token in the environment still logs you in: unset ENTREPOT_TOKEN or HF_TOKEN")
    return removed


def interpreter_login(
    *,
    new_session: bool = True,
    skip_if_logged_in: bool | None = None,
    write_permission: bool = False,
    endpoint: str | None = None,
) -> Login:
    """Log in as :func:`login`, always prompting at the terminal."""
    paths, address = _address(endpoint)
    is_new = new_session if skip_if_logged_in is None else not skip_if_logged_in
    known = None if is_new else _kept(paths, address, write_permission=write_permission)
    return known or _checked_login(paths, address, _ask(address), False, write_permission)


def notebook_login(
    *,
    new_session: bool = True,
    skip_if_logged_in: bool | None = None,
    write_permission: bool = False,
    endpoint: str | None = None,
) -> None:
    """Show a form for the token below a notebook cell; its button logs in.

    Raises:
        LibraryMissing: ipywidgets is not installed, or the program does not run in a notebook.
    """
    try:
        # Imported by name: type checkers run without the packages of notebooks.
        widgets = importlib.import_module("ipywidgets")
        display = importlib.import_module("IPython.display").display
    except ImportError as error:
        raise LibraryMissing("ipywidgets", "ipywidgets") from error
    paths, address = _address(endpoint)
    is_new = new_session if skip_if_logged_in is None else not skip_if_logged_in
    known = None if is_new else _kept(paths, address, write_permission=write_permission)
    field = widgets.Password(description="Token:")
    keep = widgets.Checkbox(value=False, description="Add to git credentials")
    button = widgets.Button(description="Log in")
    title = widgets.Label(f"Enter an access token of {address}; create one on its page 'Access tokens'.")
    box = widgets.VBox([widgets.Label(_welcome(known))] if known else [title, field, keep, button])

    def finish(_button: object) -> None:
        # The notebook saves the value of a field, and the token must not be saved.
        secret, field.value = field.value, ""
        try:
            done = _checked_login(paths, address, secret, bool(keep.value), write_permission)
        except EntrepotError as error:
            box.children = [widgets.Label(error.message), field, keep, button]
        else:
            box.children = [widgets.Label(_welcome(done))]

    button.on_click(finish)
    display(box)


def get_token(endpoint: str | None = None) -> str | None:
    """Return the token that is sent to a hub; None if not logged in."""

    paths, address = _address(endpoint)
    return find_token(paths, address)


class HfFolder:
    """The token of the environment's hub, for programs written for older versions of huggingface_hub."""

    @classmethod
    def save_token(cls, token: str) -> None:
        """Store a token without checking it with the hub; prefer :func:`login`."""
        paths, address = _address(None)
        TokenStore(paths.tokens).put(address, parse_token(token, ARGUMENT, is_trimmed=True))

    @classmethod
    def get_token(cls) -> str | None:
        """Return the token that is sent to the hub; None if not logged in."""
        return get_token()

    @classmethod
    def delete_token(cls) -> None:
        """Remove the stored token, if any."""
        paths, address = _address(None)
        TokenStore(paths.tokens).remove(address)


def _address(endpoint: str | None) -> tuple[ClientPaths, str]:
    paths = current_paths()
    return paths, parse_endpoint(endpoint) if endpoint else paths.endpoint


def _checked_login(
    paths: ClientPaths, address: str, token: str, add_to_git_credential: bool, write_permission: bool
) -> Login:
    # Pasted tokens and tokens from files often have whitespace around them.
    secret = parse_token(token, ARGUMENT, is_trimmed=True)
    user, role = _described(paths, address, secret)
    if write_permission and role == "read":
        raise NotAllowed("the token is valid, but its role is 'read': create one with the role 'write'")
    path = TokenStore(paths.tokens).put(address, secret)
    if add_to_git_credential:
        from entrepot.client.git.git_credentials import remember

        remember(address, user, secret)
    return Login(address, user, role, str(path))


def _kept(paths: ClientPaths, address: str, *, write_permission: bool) -> Login | None:
    """Return the login of a stored token if the hub still accepts it."""
    store = TokenStore(paths.tokens)
    stored = store.find(address)
    if stored is None:
        return None
    if stored.warning is not None:
        warnings.warn(stored.warning, UserWarning, stacklevel=1)
    try:
        user, role = _described(paths, address, stored.secret)
    except InvalidCredentials:
        return None
    return None if write_permission and role == "read" else Login(address, user, role, str(store.file(address)))


def _described(paths: ClientPaths, address: str, secret: str) -> tuple[str, str]:
    found = connect(address, secret, paths=paths).send(accounts.whoami())
    return found.name, found.auth.role


def _ask(address: str) -> str:
    return getpass.getpass(f"Token for {address}, from {address}/settings/tokens (input is hidden): ")


def _welcome(done: Login) -> str:
    return f"Logged in at {done.endpoint} as {done.user} (role of the token: {done.role})."


def _is_notebook() -> bool:
    """Return whether the program runs in a notebook kernel that can show a form."""
    shell: Any = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return type(running).__name__ == "ZMQInteractiveShell" and importlib.util.find_spec("ipywidgets") is not None
