"""What was found before a run, on one screen: a line for each thing, then what follows from all of them. Pure."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from stackmatrix.results.diagnosis import DiagnosisState, Examination

WORDS: dict[DiagnosisState, tuple[str, str]] = {
    "fine": ("fine", "green"),
    "note": ("note", "yellow"),
    "unknown": ("unknown", "dim"),
    "stops": ("STOPS", "bold red"),
}
"""What stands for each state, and its style: the word says all, for those who see no colour."""


def table(examination: Examination) -> Table:
    """Every line: how it stands, what it is, what was found, and the remedy."""
    shown = Table(box=None, show_header=False, pad_edge=False)
    shown.add_column(no_wrap=True)
    shown.add_column(no_wrap=True, style="bold")
    shown.add_column(overflow="fold")
    for title, one in examination.diagnoses.items():
        word, style = WORDS[one.state]
        said = f"{one.said} {one.remedy}" if one.remedy else one.said
        shown.add_row(Text(word, style), Text(title), Text(said))
    return shown


def conclusion(examination: Examination) -> Iterator[str]:
    """What follows: whether the run could begin, what to read again, and what to do next."""
    stopping = examination.of_state("stops")
    noted, unknown = (", ".join(examination.of_state(state)) for state in ("note", "unknown"))
    notes = (f" Notes: {noted}." if noted else "") + (f" Unknown: {unknown}." if unknown else "")
    if stopping:
        yield f"The run cannot begin: {', '.join(stopping)} (exit code {examination.exit_code}).{notes}"
        yield "Mend that, and look again: nox -s doctor, with the same options."
        return
    yield f"The run can begin.{notes}"
    yield "Next: nox -s matrix, with the same options. How good this machine is, in some minutes: nox -s calibrate."
