"""``python -m stackmatrix.system.fixed_start [--folder DIR] --block N --beside N -- COMMAND``: become it, always alike.

Where a process has its memory, and how many bytes of arguments and variables lie above its stack, differs from start to
start and from checkout to checkout. Both decide how strings are aligned and in which order pointers are hashed, and so
move a count of instructions. So addresses are not randomised here, and a variable fills the environment up.
"""

import argparse
import ctypes
import os
import sys
from collections.abc import Mapping

ADDR_NO_RANDOMIZE = 0x0040000
ASK_ONLY = 0xFFFFFFFF
"""Both from personality(2)."""
PADDING = "STACKMATRIX_PADDING"
"""The variable that fills the environment up."""


def fix_addresses() -> bool:
    """Have the kernel lay out the memory of what this process becomes as it always does; returns whether it will.

    Only Linux can, and a container may forbid it.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.personality(libc.personality(ASK_ONLY) | ADDR_NO_RANDOMIZE) != -1)


def environment_bytes(variables: Mapping[str, str]) -> int:
    """The bytes that variables take above a stack: ``NAME=value`` and a null each, see execve(2)."""
    return sum(len(os.fsencode(name)) + len(os.fsencode(value)) + 2 for name, value in variables.items())


def padded(variables: Mapping[str, str], beside: int, block: int) -> dict[str, str]:
    """The variables and one more, with which they and ``beside`` bytes fill whole blocks."""
    some = {**variables, PADDING: ""}
    return {**some, PADDING: "." * (-(environment_bytes(some) + beside) % block)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="stackmatrix.system.fixed_start")
    parser.add_argument("--folder", help="where the command is started; without it, where this is")
    parser.add_argument("--block", type=int, required=True, help="bytes that environment and arguments fill up")
    parser.add_argument("--beside", type=int, required=True, help="bytes of arguments, beside the environment")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    fix_addresses()
    if options.folder:
        os.chdir(options.folder)
    try:
        os.execvpe(options.command[0], options.command, padded(os.environ, options.beside, options.block))
    except OSError as error:
        sys.exit(f"{options.command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
