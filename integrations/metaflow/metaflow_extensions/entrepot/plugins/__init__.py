"""The decorators that this extension adds to Metaflow.

Metaflow imports this module whenever it is imported, so nothing here may fail
or import anything but the standard library.
"""

import importlib.util
import os

REPLACES = "METAFLOW_ENTREPOT_REPLACES_CHECKPOINT"
"""Variable that makes this extension serve the names of metaflow-checkpoint even if that is installed."""

_CLASSES = {"hub": "HubDecorator", "huggingface_hub": "HuggingfaceHubDecorator", "model": "ModelDecorator"}


def _names() -> list[str]:
    is_alone = importlib.util.find_spec("metaflow_extensions.obcheckpoint") is None
    return list(_CLASSES) if is_alone or os.environ.get(REPLACES) == "1" else ["hub"]


STEP_DECORATORS_DESC = [(name, f".decorators.{_CLASSES[name]}") for name in _names()]
