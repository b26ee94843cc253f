from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from entrepot.server.handlers import state


def test_a_request_knows_the_state_of_its_application(request_of: Callable[..., Request]) -> None:
    first, second = request_of(), request_of()
    assert state.app_state(first) is first.scope["state"]["app"]
    assert state.app_state(first) is not state.app_state(second)


def test_applications_share_no_limits_and_no_memory(request_of: Callable[..., Request]) -> None:
    first, second = state.app_state(request_of()), state.app_state(request_of())
    for name in ("uses", "sign_ins", "typed_codes", "file_lists", "tags", "archives", "answers", "small_files"):
        assert getattr(first, name) is not getattr(second, name)
