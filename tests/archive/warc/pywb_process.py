"""Runs one of pywb's commands: `python pywb_process.py wb-manager|wayback ...`.

pywb 2.8 and the gevent it asks for import `pkg_resources`, which setuptools no longer has. What they use of it is a few
lines over the standard library, put in its place here where it is missing.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import importlib.util
import sys
import types

import redis.utils


def _stand_in() -> types.ModuleType:
    module = types.ModuleType("pkg_resources")
    module.resource_string = lambda package, name: importlib.resources.files(package).joinpath(name).read_bytes()
    module.resource_filename = lambda package, name: str(importlib.resources.files(package).joinpath(name))
    module.get_distribution = importlib.metadata.distribution
    module.iter_entry_points = lambda group: iter(importlib.metadata.entry_points(group=group))
    return module


def main() -> None:
    """Run the command named by the first argument with the others."""
    if importlib.util.find_spec("pkg_resources") is None:
        sys.modules["pkg_resources"] = _stand_in()
    redis.utils.dummy = getattr(redis.utils, "dummy", types.SimpleNamespace)
    command = sys.argv.pop(1)
    if command == "wb-manager":
        from pywb.manager.manager import main_wrap_exc as run
    else:
        from pywb.apps.cli import wayback as run
    run()


if __name__ == "__main__":
    main()
