"""The project's noxfile, whose runs wait at a stage: ``staged.py`` stands in place of ``python -m stackmatrix``."""

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import noxfile  # noqa: E402 - found by the line above; its sessions are nox's from here on

ask = noxfile.harness


def harness(session: Any, *arguments: str, silent: bool = False) -> str:
    """Run the staged harness; what only lists is not staged."""
    if silent:
        return str(ask(session, *arguments, silent=True))
    python = str(session.cache_dir.parent / "tool" / "bin" / "python")
    stage = os.environ["STAGED"].split()
    command = [python, str(Path(__file__).with_name("staged.py")), *stage, "--", *arguments]
    return str(session.run(*command, env=noxfile.HARNESS, external=True, interrupt_timeout=noxfile.STOP_S))


noxfile.harness = harness
