"""The logic of the decorators ``@hub``, ``@huggingface_hub`` and ``@model``.

Metaflow calls a decorator in three places, each with its own function here:
before a run exists (:func:`prepare`), before a step begins (:func:`begin`), and
after it (:meth:`RunningStep.finish`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from entrepot.errors import EntrepotError, InvalidArgument
from entrepot.metaflow.currents import CurrentHub, CurrentHuggingfaceHub, CurrentModel, CurrentRepos
from entrepot.metaflow.fetching import fetch_item, fetch_reference
from entrepot.metaflow.loaded import LoadedEntry, LoadedFolders, place_at
from entrepot.metaflow.recording import record
from entrepot.metaflow.references import parse_reference
from entrepot.metaflow.sessions import TaskFacts, TaskSession, close_session, open_session
from entrepot.metaflow.specs import LoadItem, RefItem, check_apart, map_leaves, parse_address, parse_load, parse_refs

SCOPES = ("checkpoint", "flow", "global")
"""Values of ``cache_scope`` of ``@huggingface_hub``; the cache of this client has no scopes."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "hub": {"load": None, "refs": None, "endpoint": None, "temp_dir_root": None, "card": True},
    "huggingface_hub": {"load": None, "temp_dir_root": None, "cache_scope": "checkpoint"},
    "model": {"load": None, "best_effort_load": False, "temp_dir_root": None},
}
"""The arguments of each decorator, with their defaults."""

_CURRENTS: Mapping[str, type[CurrentRepos]] = {
    "hub": CurrentHub,
    "huggingface_hub": CurrentHuggingfaceHub,
    "model": CurrentModel,
}


@attrs.frozen
class FlowVariable:
    """A parameter of the flow in an argument: the variable that has its value when a step runs."""

    name: str


@attrs.frozen
class StepPlan:
    """The arguments of a decorator, parsed."""

    load: tuple[LoadItem, ...] = ()
    refs: tuple[RefItem, ...] = ()
    endpoint: str | None = None
    temp_dir_root: str | None = None
    has_card: bool = True
    is_best_effort: bool = False


def prepare(name: str, attributes: Mapping[str, Any], flow: Any, step: str = "") -> dict[str, Any]:  # noqa: ANN401
    """Check the arguments of a decorator before a run exists, and return them for :func:`begin`.

    Raises:
        InvalidArgument: an argument cannot be used; the message names the step, the item and the remedy.
    """
    where = f"@{name} of the step {step}" if step else f"@{name}"
    try:
        prepared = with_variables(attributes, flow)
        check(name, prepared)
    except EntrepotError as error:
        raise InvalidArgument(f"{where}: {error}") from error
    return prepared


def with_variables(attributes: Mapping[str, Any], flow: Any) -> dict[str, Any]:  # noqa: ANN401 - any flow
    """Return the arguments of a decorator with a variable in place of each ``Parameter`` of the flow.

    Metaflow replaces the parameters of the flow by their values before a step
    runs, so this has to happen before.

    Raises:
        InvalidArgument: a parameter is not one of this flow.

    Source: docs/protocols/metaflow.md, section 2.
    """
    from metaflow.parameters import Parameter

    variables: dict[int, str] | None = None

    def change(leaf: object) -> object:
        nonlocal variables
        if not isinstance(leaf, Parameter):
            return leaf
        if variables is None:
            variables = {id(parameter): variable for variable, parameter in flow._get_parameters()}
        if id(leaf) not in variables:
            raise InvalidArgument(
                "an argument is a Parameter that the flow does not have: define it in the class, above the step"
            )
        return FlowVariable(variables[id(leaf)])

    return {key: map_leaves(value, change) for key, value in attributes.items()}


def check(name: str, attributes: Mapping[str, Any]) -> StepPlan:
    """Parse the arguments of a decorator that are known before a run exists.

    Raises:
        InvalidArgument: an argument cannot be used.
    """
    return _parse(name, {key: _known(value) for key, value in attributes.items()})


def without_tokens(load: object) -> object:
    """Return ``load`` without the tokens in it, which Metaflow would store with the graph of the flow.

    Source: docs/protocols/metaflow.md, section 2.
    """
    if isinstance(load, Mapping):
        return {key: value for key, value in load.items() if key != "token"}
    if isinstance(load, list | tuple):
        return type(load)(without_tokens(item) for item in load)
    return load


@attrs.frozen
class StepContext:
    """The attempt of a task, with the objects that Metaflow passes.

    ``flow`` is the instance of the flow; ``inputs`` are the datastores or flows
    that a join gets, in no order; ``metadata`` and ``flow_datastore`` are its providers.
    """

    facts: TaskFacts
    flow: Any
    metadata: Any
    flow_datastore: Any
    inputs: Sequence[Any] = ()


@attrs.define
class RunningStep:
    """A decorator during the attempt of a task; ``current`` is the object that the step uses."""

    session: TaskSession
    context: StepContext
    current: CurrentRepos | None = None
    _is_finished: bool = attrs.field(default=False, init=False)

    def finish(self, *, is_ok: bool) -> None:
        """Remove the temporary folders, and record what the task did; a second call does nothing.

        Args:
            is_ok: the task succeeded.
        """
        if self._is_finished:
            return
        self._is_finished = True
        if close_session(self.session):
            record(self.session, self.context.metadata, self.context.flow_datastore, is_ok=is_ok)


def open_step(name: str, attributes: Mapping[str, Any], context: StepContext) -> RunningStep:
    """Return a decorator for the attempt of a task, before anything is fetched."""
    has_card = name != "hub" or attributes.get("card") in (True, "True", None)
    return RunningStep(open_session(context.facts, has_card=has_card), context)


def begin(step: RunningStep, name: str, attributes: Mapping[str, Any]) -> CurrentRepos:
    """Fetch what a step loads, and return the object that the step uses.

    Raises:
        InvalidArgument: an argument or an artifact cannot be used.
        others: as the client.
    """
    plan = _parse(name, {key: _filled(value, step.context.flow) for key, value in attributes.items()})
    entries: dict[str, LoadedEntry] = {}
    for item in plan.load:
        fetched = fetch_item(step.session, item, plan.endpoint)
        entries[item.key] = place_at(fetched, item.path) if item.path is not None else LoadedEntry(fetched)
    for wanted in plan.refs:
        with contextlib.suppress(*((EntrepotError,) if plan.is_best_effort else ())):
            fetched = fetch_reference(step.session, _artifact(step.context, wanted.name), plan.endpoint)
            entries[wanted.name] = place_at(fetched, wanted.path) if wanted.path is not None else LoadedEntry(fetched)
    names = _second_names(entries, [ref.name for ref in plan.refs]) if name == "hub" else {}
    loaded = LoadedFolders(step.session, entries, names, plan.temp_dir_root)
    kind = _CURRENTS[name]
    step.current = kind(step.session, loaded, endpoint=plan.endpoint, temp_dir_root=plan.temp_dir_root)
    return step.current


def _second_names(entries: Mapping[str, LoadedEntry], refs: Iterable[str]) -> dict[str, str]:
    """Return the ids of repositories as further keys of references, where they are free."""
    ids = [(str(entries[name].fetched.reference.ref.id), name) for name in refs if name in entries]
    found = [repo_id for repo_id, _ in ids]
    return {repo_id: name for repo_id, name in ids if repo_id not in entries and found.count(repo_id) == 1}


def _parse(name: str, attributes: Mapping[str, Any]) -> StepPlan:
    root = attributes.get("temp_dir_root")
    if root is not None and not isinstance(root, str):
        raise InvalidArgument(f"temp_dir_root: expected a folder, not a value of type {type(root).__name__}")
    if name == "model":
        refs = parse_refs(attributes.get("load"), "load")
        is_best_effort = attributes.get("best_effort_load") in (True, "True")
        return StepPlan(refs=tuple(refs), temp_dir_root=root, is_best_effort=is_best_effort)
    if name == "huggingface_hub":
        if attributes.get("cache_scope", SCOPES[0]) not in SCOPES:
            raise InvalidArgument(f"cache_scope: expected one of {', '.join(SCOPES)}")
        return StepPlan(load=tuple(parse_load(attributes.get("load"), takes_token=True)), temp_dir_root=root)
    load, refs = parse_load(attributes.get("load")), parse_refs(attributes.get("refs"))
    check_apart(load, refs)
    if attributes.get("card", True) not in (True, False, "True", "False"):
        raise InvalidArgument("card: expected True or False")
    has_card = attributes.get("card", True) in (True, "True")
    return StepPlan(tuple(load), tuple(refs), parse_address(attributes.get("endpoint")), root, has_card)


# --- values that are known only in a task ---------------------------------------


def _known(value: object) -> object:
    """Return an argument without the items that contain parameters of the flow."""
    if isinstance(value, list | tuple):
        return [item for item in value if not _has_variable(item)]
    return None if _has_variable(value) else value


def _has_variable(value: object) -> bool:
    found: list[object] = []
    map_leaves(value, lambda leaf: found.append(leaf) if isinstance(leaf, FlowVariable) else None)
    return bool(found)


def _filled(value: object, flow: Any) -> object:  # noqa: ANN401 - any flow
    """Return an argument with the values of the parameters in it."""
    return map_leaves(value, lambda leaf: getattr(flow, leaf.name) if isinstance(leaf, FlowVariable) else leaf)


def _artifact(context: StepContext, name: str) -> Any:  # noqa: ANN401 - a reference
    """Return the reference in an artifact of the flow, or of all branches that a join gets.

    Raises:
        InvalidArgument: there is none, or the branches have different ones.
    """
    found: list[Any] = []
    if hasattr(context.flow, name):
        found.append(getattr(context.flow, name))
    else:
        found += [value for branch in context.inputs if (value := _of_branch(branch, name)) is not None]
    if not found:
        raise InvalidArgument(
            f"the flow has no artifact {name}: set self.{name} in an earlier step, "
            "to what snapshot_download or push returned"
        )
    parsed = {parse_reference(value).key: parse_reference(value) for value in found}
    if len(parsed) > 1:
        raise InvalidArgument(
            f"the branches that this step joins have {len(parsed)} different values of {name}: "
            "load each with current.hub.load inside the step"
        )
    return next(iter(parsed.values()))


def _of_branch(branch: Any, name: str) -> Any:  # noqa: ANN401 - a datastore of Metaflow, or a flow
    if hasattr(branch, "is_none"):
        return branch[name] if name in branch else None  # noqa: SIM401 - a datastore has no get
    return getattr(branch, name, None)
