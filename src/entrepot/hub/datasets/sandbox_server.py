"""The process that is copied for each request of queries, so that its imports are done once.

``hub/tables/fork_servers.py`` says what a copy can reach; ``hub/datasets/sandbox.py`` is what it does.
"""

from __future__ import annotations

from entrepot.hub.datasets import sandbox
from entrepot.hub.tables.fork_servers import serve
from entrepot.hub.tables.lean_imports import leave_out_numpy


def main() -> None:
    """Serve forked copies of this process until the hub has ended."""
    leave_out_numpy()
    sandbox.warm()
    serve(sandbox.serve)
