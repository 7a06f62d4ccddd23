"""What a user can mend, each with its own exit code. The sentence is the exception's: what is wrong, then the remedy.

``docs/exit-codes.md`` lists the codes; a test holds the two together.
"""


class StackmatrixError(Exception):
    """Base of every error that is shown as one sentence and no traceback."""

    exit_code = 1


class UsageError(StackmatrixError):
    """An unknown stack, Python, workload or option, or a value that cannot be."""

    exit_code = 2


class PortTakenError(StackmatrixError):
    """A port that the run needs is in use."""

    exit_code = 3


class EnvironmentMissingError(StackmatrixError):
    """A target environment is not installed or does not match its lock file."""

    exit_code = 4


class OpenFilesError(StackmatrixError):
    """The limit on open files is too low for the ladder."""

    exit_code = 5


class ResultsFolderError(StackmatrixError):
    """The results folder cannot be written or read, or another run writes into it."""

    exit_code = 6


class ResultFileError(StackmatrixError):
    """A result file is broken, of a newer format, or not what its place says."""

    exit_code = 7


class CellsFailedError(StackmatrixError):
    """The run went through, but some cells failed; their files say why."""

    exit_code = 8


class CommitError(StackmatrixError):
    """git cannot commit the results, as was seen before measuring, or did not when they were written."""

    exit_code = 9


class PythonMissingError(StackmatrixError):
    """A Python of the matrix cannot be had, and --fail-on-missing was given."""

    exit_code = 10


class SupervisorError(StackmatrixError):
    """The supervisor did not start, or left something running."""

    exit_code = 11


class TrialError(StackmatrixError):
    """A trial cannot go on; the cell is recorded as failed and the run goes on. Never shown alone."""

    exit_code = 12
    log = ""
    """What the process that it is about has written, where it is about one."""


class DisturbedError(TrialError):
    """A trial was broken off by what no target has done, such as the end of the external API: it is made once more."""


class CounterMissingError(StackmatrixError):
    """Nothing on this machine counts instructions."""

    exit_code = 13


class MachineLimitError(StackmatrixError):
    """A limit of this machine or its control group would stop what is measured in the middle."""

    exit_code = 14


class AppError(StackmatrixError):
    """An application under test cannot be prepared or answers wrongly, or a service that it needs does not start."""

    exit_code = 15


class AppFileError(StackmatrixError):
    """The file that describes an application under test is not there, or says what cannot be."""

    exit_code = 16


class RegressionError(StackmatrixError):
    """A gate: something is worse by at least what it allows, for sure."""

    exit_code = 17


class UndecidedError(StackmatrixError):
    """A gate: whether something is worse by at least what it allows is not known, and --fail-on names undecided."""

    exit_code = 18


class VoidError(StackmatrixError):
    """A gate: nothing is proved, since a control failed, or something was not measured."""

    exit_code = 19


INTERRUPTED_EXIT_CODE = 130
"""Ctrl-C, as shells count it."""
SIGNAL_EXIT_CODES = (129, INTERRUPTED_EXIT_CODE, 137, 143)
"""What ended it, as shells count it: its terminal was closed, Ctrl-C, KILL, or TERM and the end of nox."""
