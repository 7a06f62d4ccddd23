"""``python keep_errors.py FILE COMMAND ...``: run a command, and show and keep what it says on standard error.

The harness says of an installation that failed why it did, and so has to read what nox only shows. Standard library
only: nox's own Python runs it by its path.
"""

import os
import signal
import subprocess
import sys
from types import FrameType


def main() -> int:
    """Run it; returns its exit code, as shells count it."""
    file, *command = sys.argv[1:]
    kept = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = subprocess.Popen(command, stderr=subprocess.PIPE)
    except OSError as error:
        said = f"error: {command[0]} cannot be started: {error.strerror}\n"
        os.write(kept, said.encode(errors="replace"))
        sys.stderr.write(said)
        return 127

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches both: the command decides how it ends
    assert child.stderr is not None
    with child.stderr:
        for line in child.stderr:
            os.write(kept, line)
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
