"""The decorators ``@hub``, ``@huggingface_hub`` and ``@model``: a shell around ``entrepot.metaflow``.

The client is imported by the first flow that uses a decorator, not by ``import metaflow``.
"""

from types import ModuleType
from typing import Any

from metaflow.decorators import StepDecorator
from metaflow.exception import MetaflowException


def _logic() -> ModuleType:
    try:
        from entrepot.metaflow import decorators
    except ImportError as error:
        raise MetaflowException(
            f"the decorators of entrepot-metaflow need the package entrepot, which cannot be imported here ({error}): "
            'add @pypi(packages={"entrepot": "..."}) to the step, or install it in the image of the task'
        ) from error
    return decorators


class _Decorator(StepDecorator):  # type: ignore[misc] # Metaflow is not typed
    """What the three decorators have in common."""

    _given: dict[str, Any]
    _flow_datastore: Any = None
    _running: Any = None

    def _prepare(self) -> None:
        """Keep the arguments, and take tokens out of those that Metaflow stores with the graph of the flow."""
        self._given = dict(self.attributes)
        load = self.attributes.get("load")
        if self.name == "huggingface_hub" and load is not None:
            self.attributes["load"] = _logic().without_tokens(load)

    def step_init(
        self,
        flow: Any,
        graph: Any,
        step_name: str,
        decorators: Any,
        environment: Any,
        flow_datastore: Any,
        logger: Any,
    ) -> None:
        """Check the arguments before a run exists."""
        self._flow_datastore = flow_datastore
        logic = _logic()
        try:
            self._given = logic.prepare(self.name, self._given, flow, step_name)
        except logic.EntrepotError as error:
            raise MetaflowException(str(error)) from error

    def task_pre_step(
        self,
        step_name: str,
        task_datastore: Any,
        metadata: Any,
        run_id: str,
        task_id: str,
        flow: Any,
        graph: Any,
        retry_count: int,
        max_user_code_retries: int,
        ubf_context: Any,
        inputs: Any,
    ) -> None:
        """Fetch what the step loads."""
        from metaflow.metaflow_current import current

        logic = _logic()
        facts = logic.TaskFacts(
            flow.name, run_id, step_name, task_id, retry_count, current.username, current.origin_run_id
        )
        context = logic.StepContext(facts, flow, metadata, self._flow_datastore, list(inputs or ()))
        self._running = logic.open_step(self.name, self._given, context)
        current._update_env({self.name: logic.begin(self._running, self.name, self._given)})

    def task_finished(
        self,
        step_name: str,
        flow: Any,
        graph: Any,
        is_task_ok: bool | None,
        retry_count: int,
        max_user_code_retries: int,
    ) -> None:
        """Remove temporary folders and record what the step did, even after a failure."""
        if self._running is not None:
            self._running.finish(is_ok=bool(is_task_ok))


# Metaflow calls `init` only if the class itself defines it.


class HubDecorator(_Decorator):
    """
    Loads repositories of a hub in a step, and pushes to them.

    Parameters
    ----------
    load : Union[str, List[Union[str, Dict, Tuple]]], optional
        Repositories: "demo/bert", "demo/bert@v1", "datasets/demo/imdb", a dict with the arguments of
        `snapshot_download` and a `name`, or a pair of one of these and a folder.
    refs : Union[str, List[Union[str, Tuple[str, str]]]], optional
        Names of artifacts with references that `snapshot_download` or `push` returned.
    endpoint : str, optional
        The address of the hub; by default `ENTREPOT_ENDPOINT`.
    temp_dir_root : str, optional
        The folder for temporary folders.
    card : bool, default True
        Whether the task gets a card of what it read and made.

    MF Add To Current
    -----------------
    hub -> entrepot.metaflow.currents.CurrentHub
        What the step loads, and the functions `snapshot_download`, `load`, `push` and `api`.
    """

    name = "hub"
    defaults = {"load": None, "refs": None, "endpoint": None, "temp_dir_root": None, "card": True}

    def init(self) -> None:
        """Read the arguments."""
        self._prepare()


class HuggingfaceHubDecorator(_Decorator):
    """
    Loads repositories of a hub in a step, with the interface of metaflow-checkpoint.

    Parameters
    ----------
    load : List[Union[str, Dict, Tuple]], optional
        Repositories, as for `@hub`.
    temp_dir_root : str, optional
        The folder for temporary folders.
    cache_scope : str, default "checkpoint"
        Accepted for compatibility: the cache is shared by everything on the machine.

    MF Add To Current
    -----------------
    huggingface_hub -> entrepot.metaflow.currents.CurrentHuggingfaceHub
        What the step loads, and the functions `snapshot_download` and `load`.
    """

    name = "huggingface_hub"
    defaults = {"load": None, "temp_dir_root": None, "cache_scope": "checkpoint"}

    def init(self) -> None:
        """Read the arguments."""
        self._prepare()


class ModelDecorator(_Decorator):
    """
    Loads references that `@huggingface_hub` or `@hub` returned in an earlier step.

    Parameters
    ----------
    load : Union[str, List[Union[str, Tuple[str, Optional[str]]]]], optional
        Names of artifacts, or pairs of a name and a folder.
    best_effort_load : bool, default False
        Leave out what cannot be loaded.
    temp_dir_root : str, optional
        The folder for temporary folders.

    MF Add To Current
    -----------------
    model -> entrepot.metaflow.currents.CurrentModel
        What the step loads, and the function `load`.
    """

    name = "model"
    defaults = {"load": None, "best_effort_load": False, "temp_dir_root": None}

    def init(self) -> None:
        """Read the arguments."""
        self._prepare()
