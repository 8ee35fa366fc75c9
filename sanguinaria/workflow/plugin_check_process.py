"""The process that checks plug-ins: uses as JSON on standard input, a line of JSON for each on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from sanguinaria.core import devices, plugins
from sanguinaria.core.errors import InputError

UNAVAILABLE = {"problem": "", "left": "this environment has no torch"}


def verdict(use: Mapping[str, Any]) -> dict[str, str]:
    """Check a plug-in.

    Args:
        use: fields of :class:`sanguinaria.plan.plugin_uses.PluginUse`.

    Returns:
        The ``problem``, and the reason why it is ``left`` to its job; both are empty where it keeps its promises.
    """
    from sanguinaria.steps.promises import check_plugin

    try:
        plugin = plugins.build(use["room"], json.loads(use["settings"]))
        return {"problem": "", "left": check_plugin(plugin, use["sample_rate"], use["num_samples"])}
    except InputError as error:
        return {"problem": str(error), "left": ""}


def main() -> None:
    """Check the plug-ins on standard input."""
    uses = json.loads(sys.stdin.buffer.read())
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what plug-ins and C libraries print goes to the log
    with redirect_stdout(sys.stderr):
        available = _prepare()
        for use in uses:
            print(f"{use['room']} {use['settings']}", flush=True)
            output.write(json.dumps(verdict(use) if available else UNAVAILABLE) + "\n")
            output.flush()


def _prepare() -> bool:
    """Set torch up as a job does; return whether this environment has it, as those of conda jobs may alone."""
    try:
        devices.prepare()
    except ImportError as error:
        print(error)
        return False
    return True


if __name__ == "__main__":
    main()
