"""Log in with a browser: a person accepts this program on a page of the hub.

Source: RFC 8628, sections 3.1 to 3.5; docs/oauth.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from entrepot.client.calls import accounts
from entrepot.client.http_errors import HubFailure
from entrepot.client.hubs import Hub
from entrepot.errors import NotAllowed
from entrepot.wire.accounts.oauth import DeviceAuthorization

CLIENT_ID = "entrepot-login"
"""What hubs know this program by."""

_WAITING = ("authorization_pending", "slow_down")
_SLOWER_S = 5
_LEAST_WAIT_S, _MAX_WAIT_S = 0.1, 60
_LONGEST_S = 3_600
_LATE = "the login was not accepted in time; run the command again"
_ENDED = {"access_denied": "the login was rejected in the browser", "expired_token": _LATE}


def log_in(hub: Hub, show: Callable[[DeviceAuthorization], None]) -> str:
    """Ask for a code, show it, wait until a person accepts it in a browser, and return the access token.

    It waits as long as the hub says, but no longer than an hour.

    Args:
        hub: without credentials.
        show: tells the person the address and the code.

    Raises:
        NotAllowed: the person rejected it, or accepted nothing in time.
        HubUnreachable: the hub does not answer; other transport errors likewise.
    """
    begun = hub.send(accounts.begin_device(CLIENT_ID))
    end_s = time.monotonic() + min(begun.expires_in, _LONGEST_S)
    show(begun)
    wait_s: float = begun.interval
    while time.monotonic() < end_s:
        time.sleep(min(max(wait_s, _LEAST_WAIT_S), _MAX_WAIT_S))
        try:
            return hub.send(accounts.exchange_device(CLIENT_ID, begun.device_code)).access_token
        except HubFailure as failure:
            word = failure.document.get("error")
            if word in _ENDED:
                raise NotAllowed(_ENDED[str(word)]) from failure
            if word not in _WAITING:
                raise
            wait_s += _SLOWER_S if word == "slow_down" else 0
    raise NotAllowed(_LATE)
