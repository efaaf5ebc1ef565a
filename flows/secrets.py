"""Secrets: in the environment, where whatever uses them looks; flows fill what is missing from Prefect blocks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from sijill.flows.errors import SecretMissing


def fill_environment(secrets: Mapping[str, str]) -> None:
    """See to it that every variable of `secrets` is set: variable -> name of a Prefect Secret block.

    What the environment has is left as it is. Only within a run of a Prefect flow or task are blocks read; their values
    live in the environment of that process, and nowhere else.

    Raises:
        SecretMissing: a variable is not set, and there is no block to take it from, or this is no run.
    """
    for variable, block in secrets.items():
        if not os.environ.get(variable):
            if not _in_a_run():
                raise SecretMissing(variable, block, "not set, and outside of Prefect only the environment is read")
            os.environ[variable] = _read_block(variable, block)


def _in_a_run() -> bool:
    # A run has imported this; a plain command need not load Prefect to know that it is none.
    if "prefect.context" not in sys.modules:
        return False
    from prefect.context import FlowRunContext, TaskRunContext

    return FlowRunContext.get() is not None or TaskRunContext.get() is not None


def _read_block(variable: str, block: str) -> str:
    from prefect.blocks.system import Secret

    try:
        loaded: Any = Secret.load(block)
    except ValueError as err:
        raise SecretMissing(variable, block, f"not set, and there is no Prefect Secret block {block!r}") from err
    value = loaded.get()
    if not isinstance(value, str) or not value:
        raise SecretMissing(variable, block, f"the Prefect Secret block {block!r} holds no text")
    return value
