"""The command line: ``python -m sanguinaria COMMAND …``."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_defects import defect_of_plugin
from sanguinaria.core.suggestions import unknown_name

# Each with a module of its name in sanguinaria.workflow.commands, and its description.
COMMANDS = {
    "check": "a configuration, and what its targets need, without a run",
    "cost": "jobs, hours, disk and downloads of targets, before they are computed",
    "numbers": "numbers of the documentation against the tables that its pages cite",
    "own": "marks of an owner, and the proof that a model depends on the marked data",
    "plugins": "whether the plug-ins of targets keep the promises of their protocols, on a tiny batch",
}


def main(arguments: list[str]) -> None:
    """Run a command.

    Args:
        arguments: the command and its arguments.

    Raises:
        SystemExit: there is no such command, or its input is invalid; the message states why.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        lines = "\n".join(f"  {name:8} {description}" for name, description in COMMANDS.items())
        print(f"usage: python -m sanguinaria COMMAND …\n\n{lines}")
        return
    command, *rest = arguments
    if command not in COMMANDS:
        raise SystemExit(f"Error: {unknown_name('command', command, COMMANDS)}")
    try:
        import_module(f"sanguinaria.workflow.commands.{command}").main(rest)
    except InputError as error:
        raise SystemExit(f"Error: {error}") from None
    except BrokenPipeError:  # its reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if (defect := defect_of_plugin(error)) is None:
            raise
        raise SystemExit(f"Error: {defect}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
