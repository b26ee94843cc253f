"""What all handlers share: the state of the application, calls of use cases, and how requests are read and answered.

A handler is short: it reads the request, names one use case and renders its
result. Handlers do not catch errors; the middleware renders them.
"""

from entrepot.server.handlers.calls import (
    call_hub,
    call_hub_briefly,
    call_hub_in_turn,
    call_hub_on_revision,
    call_hub_slow,
    call_hub_slow_together,
    do_again,
    identify,
    remembering,
    secret_of,
    sender_of,
    turn,
    wait_until_gone,
)
from entrepot.server.handlers.requests import (
    MAX_JSON,
    NO_REPO,
    base_url,
    decode_json,
    lookup_id,
    query_choice,
    query_flag,
    query_int,
    query_list,
    read_json,
    repo_of,
)
from entrepot.server.handlers.responses import json_response, left_out_header, next_link
from entrepot.server.handlers.state import (
    MAX_ARCHIVES,
    MAX_ARCHIVES_EACH,
    MAX_FETCHES,
    MAX_FETCHES_EACH,
    AppState,
    app_state,
)

__all__ = [
    "MAX_ARCHIVES",
    "MAX_ARCHIVES_EACH",
    "MAX_FETCHES",
    "MAX_FETCHES_EACH",
    "MAX_JSON",
    "NO_REPO",
    "AppState",
    "app_state",
    "base_url",
    "call_hub",
    "call_hub_briefly",
    "call_hub_in_turn",
    "call_hub_on_revision",
    "call_hub_slow",
    "call_hub_slow_together",
    "decode_json",
    "do_again",
    "identify",
    "json_response",
    "left_out_header",
    "lookup_id",
    "next_link",
    "query_choice",
    "query_flag",
    "query_int",
    "query_list",
    "read_json",
    "remembering",
    "repo_of",
    "secret_of",
    "sender_of",
    "turn",
    "wait_until_gone",
]
