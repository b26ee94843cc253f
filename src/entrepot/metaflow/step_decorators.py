"""``from entrepot.metaflow import hub``: the decorator without an extension of Metaflow.

The class is made when it is first asked for, so that this module can be imported without Metaflow.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from entrepot.errors import EntrepotError, LibraryMissing
from entrepot.metaflow import decorators
from entrepot.metaflow.sessions import TaskFacts

if TYPE_CHECKING:
    hub: Any


def __getattr__(name: str) -> object:
    if name != "hub":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make_decorator()


@functools.cache
def make_decorator() -> type:
    """Return the decorator; every call returns the same class.

    Raises:
        LibraryMissing: Metaflow is missing, or older than its custom decorators.
    """
    try:
        from metaflow.exception import MetaflowException
        from metaflow.system_context import system_context

        from metaflow import UserStepDecorator, current
    except ImportError as error:
        raise LibraryMissing("Metaflow 2.19.39 or newer", "entrepot[metaflow]") from error

    class hub(UserStepDecorator):  # noqa: N801 - the name in flows
        """Load repositories of a hub in a step, and push to them; see docs/metaflow.md."""

        def init(self, *arguments: object, **keywords: object) -> None:
            """Check the arguments before a run exists."""
            step = getattr(self._my_step, "__name__", "")
            unknown = set(keywords) - set(decorators.DEFAULTS["hub"])
            if arguments or unknown:
                names = ", ".join(decorators.DEFAULTS["hub"])
                raise MetaflowException(f"@hub of the step {step}: expected only these keywords: {names}")
            given = {**decorators.DEFAULTS["hub"], **keywords}
            try:
                self._attributes: Mapping[str, Any] = decorators.prepare("hub", given, system_context.flow, step)
            except EntrepotError as error:
                raise MetaflowException(str(error)) from error
            self._running: decorators.RunningStep | None = None

        def pre_step(self, step_name: str, flow: Any, inputs: Any = None) -> None:  # noqa: ANN401
            """Fetch what the step loads."""
            facts = TaskFacts(
                current.flow_name,
                current.run_id,
                step_name,
                current.task_id,
                current.retry_count,
                current.username,
                current.origin_run_id,
            )
            branches = list(inputs) if inputs is not None else []
            context = decorators.StepContext(
                facts, flow, system_context.metadata, system_context.flow_datastore, branches
            )
            self._running = decorators.open_step("hub", self._attributes, context)
            try:
                current._update_env({"hub": decorators.begin(self._running, "hub", self._attributes)})
            except BaseException:
                self._running.finish(is_ok=False)
                raise

        def post_step(self, step_name: str, flow: Any, exception: Exception | None = None) -> Any:  # noqa: ANN401
            """Record the inputs and outputs of the step."""
            if self._running is not None:
                self._running.finish(is_ok=exception is None)
            return exception, None

    return hub
