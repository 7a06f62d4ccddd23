"""Exit codes: one for each thing that a user can mend, and a page that lists them."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import stackmatrix
from stackmatrix import errors
from stackmatrix.errors import INTERRUPTED_EXIT_CODE, SIGNAL_EXIT_CODES, StackmatrixError

PAGE = Path(__file__).parents[2] / "docs" / "exit-codes.md"


def meanings() -> dict[int, str]:
    """Every error's code and the words of its docstring."""
    return {kind.exit_code: " ".join((kind.__doc__ or "").split()) for kind in StackmatrixError.__subclasses__()}


def below(kind: type[StackmatrixError]) -> list[type[StackmatrixError]]:
    return [each for child in kind.__subclasses__() for each in (child, *below(child))]


def every_error() -> list[type[StackmatrixError]]:
    """Those of all modules."""
    for module in pkgutil.walk_packages(stackmatrix.__path__, "stackmatrix."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    return below(StackmatrixError)


def test_every_error_has_an_exit_code_of_its_own_that_a_shell_can_carry() -> None:
    codes = [kind.exit_code for kind in StackmatrixError.__subclasses__()]
    assert len(set(codes)) == len(codes) > 1
    # 1 is what Python itself exits with after a traceback.
    assert all(1 < code < INTERRUPTED_EXIT_CODE for code in codes)


def test_every_error_with_an_exit_code_is_in_this_one_module_and_any_other_is_one_of_those() -> None:
    found = every_error()
    assert {kind.__module__ for kind in found if "exit_code" in vars(kind)} == {errors.__name__}
    special = [kind for kind in found if kind not in StackmatrixError.__subclasses__()]
    assert all("exit_code" not in vars(kind) and kind.exit_code in meanings() for kind in special)
    assert all("exit_code" in vars(kind) for kind in StackmatrixError.__subclasses__())


def test_the_page_lists_each_code_with_its_meaning_and_no_other() -> None:
    table = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    listed = {int(code): meaning for code, meaning in table.items()}
    assert {code: listed.get(code) for code in meanings()} == meanings()
    assert set(listed) == {0, 1, *SIGNAL_EXIT_CODES} | set(meanings())
