"""Agent harnesses, which client libraries ask for to recognise the agent they run in.

Source: docs/protocols/hf_api.md, section 4.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Harnesses(msgspec.Struct, frozen=True, rename="camel"):
    """The known harnesses by name, and the variables of the environment that all of them set."""

    standard_env_vars: Sequence[str] = ()
    harnesses: Mapping[str, object] = {}
