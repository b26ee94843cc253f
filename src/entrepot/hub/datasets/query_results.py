"""Remembered results of queries, found by the same queries over the same bytes.

They depend on no rights: the keys of the files are known only after each file was located for the caller.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from entrepot.hub.context import HubContext

# What may differ each time a query runs: the functions that DuckDB calls volatile, those of the clock and of its own
# state, and samples. A query that disguises one of them gets an older value, and nothing worse.
_FUNCTIONS = (
    "age|ago|currval|gen_random_uuid|nextval|now|query|query_table|random|setseed|setval|sleep_ms|stats|today|"
    r"transaction_timestamp|txid_current|uuid\w*|vector_type|write_log|get_current_\w+|current_\w+|in_search_path|"
    r"json_execute\w*|reservoir\w*|duckdb_\w+|pragma_\w+|pg_\w+"
)
_UNREPEATABLE = re.compile(
    rf"\b(?:{_FUNCTIONS})\"?\s*\(|\b(?:current_\w+|get_current_\w+|localtime\w*|(?:table)?sample|duckdb_\w+|pragma_\w+)\b"
    r"|\b(?:now|today|tomorrow|yesterday)\s*'",
    re.IGNORECASE,
)


def key_of(request: Mapping[str, Any], contents: Sequence[str]) -> str:
    """Return the key of the results of a request.

    Args:
        contents: the keys of the contents of its files, in their order.
    """
    return hashlib.sha256(json.dumps([request, contents], sort_keys=True).encode()).hexdigest()


def find(hub: HubContext, key: str) -> list[Mapping[str, Any]] | None:
    """Return the results under a key, as new objects; None if there are none."""
    answer = hub.query_results.find(key)
    if answer is None:
        return None
    results: list[Mapping[str, Any]] = json.loads(answer)
    return results


def may_keep(texts: Sequence[str], results: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether results may be remembered: no query was refused, or depends on chance or time."""
    return not any("refused" in result for result in results) and not any(map(_UNREPEATABLE.search, texts))
