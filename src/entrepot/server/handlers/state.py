"""State of the application that handlers share."""

from __future__ import annotations

import attrs
from starlette.requests import Request

from entrepot.hub.accounts.token_usage import TokenUsage
from entrepot.hub.context import HubContext
from entrepot.hub.files import small_arrivals
from entrepot.hub.files.small_arrivals import ReceivedFile
from entrepot.hub.jobs.readiness import ReadinessCheck
from entrepot.hub.search.downloads import DownloadCounter
from entrepot.hub.versioned_cache import Share
from entrepot.server.dispatch.answer_memory import AnswerMemory
from entrepot.server.dispatch.batched_calls import BatchedCalls
from entrepot.server.dispatch.file_lists import FileLists
from entrepot.server.dispatch.latest_version import LatestVersion
from entrepot.server.limits.fair_slots import FairSlots
from entrepot.server.limits.sign_ins import SignInLimits
from entrepot.server.tag_cache import TagCache
from entrepot.server.threads import Threads

MAX_ARCHIVES, MAX_ARCHIVES_EACH = 16, 2
"""Archives that a server process sends at the same time, and of these to one caller: an account, or an address."""

MAX_FETCHES, MAX_FETCHES_EACH = 64, 16
"""Git programs that answer fetches in a server process at the same time, and of these for one caller, as above."""


@attrs.frozen
class AppState:
    """State of the application that handlers share: the hub, its threads, and counts that are written later.

    ``tables``, ``viewers``, ``queries``: turns of requests that read rows, of pages that show other files, and of
    requests that read whole tables. ``issuers``: of visitors who sign in with another issuer, which may be slow.
    ``archives``: of archives that are being sent. ``fetches``: of git programs that answer fetches.
    """

    hub: HubContext
    threads: Threads
    downloads: DownloadCounter
    uses: TokenUsage = attrs.field(factory=TokenUsage)
    sign_ins: SignInLimits = attrs.field(
        default=attrs.Factory(lambda state: SignInLimits(state.hub, "sign-in"), takes_self=True)
    )
    typed_codes: SignInLimits = attrs.field(
        default=attrs.Factory(lambda state: SignInLimits(state.hub, "code"), takes_self=True)
    )
    file_lists: FileLists = attrs.field(
        default=attrs.Factory(
            lambda state: FileLists(Share.FILE_LISTS.of(state.hub.settings.remembered_bytes)), takes_self=True
        )
    )
    tags: TagCache = attrs.field(factory=TagCache)
    tables: FairSlots = attrs.field(factory=lambda: FairSlots(4, per_caller=2))
    viewers: FairSlots = attrs.field(factory=lambda: FairSlots(4, per_caller=2))
    queries: FairSlots = attrs.field(factory=lambda: FairSlots(2, per_caller=1))
    issuers: FairSlots = attrs.field(factory=lambda: FairSlots(4, per_caller=2))
    archives: FairSlots = attrs.field(factory=lambda: FairSlots(MAX_ARCHIVES, per_caller=MAX_ARCHIVES_EACH))
    fetches: FairSlots = attrs.field(factory=lambda: FairSlots(MAX_FETCHES, per_caller=MAX_FETCHES_EACH))
    answers: AnswerMemory = attrs.field(
        default=attrs.Factory(lambda state: AnswerMemory(state.hub.settings), takes_self=True)
    )
    small_files: BatchedCalls[ReceivedFile] = attrs.field(
        default=attrs.Factory(
            lambda state: BatchedCalls(
                state.threads, lambda files: small_arrivals.store_all(state.hub, files), most=small_arrivals.MAX_FILES
            ),
            takes_self=True,
        )
    )
    readiness: ReadinessCheck = attrs.field(
        default=attrs.Factory(lambda state: ReadinessCheck(state.hub), takes_self=True)
    )
    latest: LatestVersion = attrs.field(
        default=attrs.Factory(lambda state: LatestVersion(state.hub.watch()), takes_self=True)
    )


def app_state(request: Request) -> AppState:
    """Return the state of the application that received a request."""
    state: AppState = request.scope["state"]["app"]
    return state
