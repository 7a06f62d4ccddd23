"""What of the user's shell reaches programs that are started, and where the project can stand."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stackmatrix.system import environment
from stackmatrix.system.processes import SOURCE

KEPT = {
    "PATH": "/bin", "HTTP_PROXY": "http://p", "UV_INDEX_URL": "https://i", "PIP_INDEX_URL": "https://i", "NETRC": "/n",
    "SSL_CERT_FILE": "/c", "PYTHONIOENCODING": "ascii", "PYTHON_KEYRING_BACKEND": "k", "GIT_SSH_COMMAND": "ssh -4",
    "GIT_AUTHOR_NAME": "x",
}  # fmt: skip
TAKEN = (
    "PYTHONHOME", "PYTHONPATH", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONVERBOSE", "PYTHON_CPU_COUNT",
    "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_SYSTEM_PYTHON", "UV_PYTHON", "PIP_TARGET", "PIP_USER",
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
)  # fmt: skip


def test_what_leads_elsewhere_is_taken_away_and_what_is_the_users_stays() -> None:
    variables = {**KEPT, **dict.fromkeys(TAKEN, "/elsewhere")}
    environment.clear(variables)
    assert variables == KEPT


def test_words_are_read_in_english_and_letters_stay_as_they_are() -> None:
    given = {
        "LC_ALL": "de_DE.ISO-8859-1",
        "LANGUAGE": "de:fr",
        "LC_MESSAGES": "fr_FR",
        "FORCE_COLOR": "1",
        "HOME": "/h",
    }
    told = environment.in_english(given)
    assert told == {"LC_CTYPE": "de_DE.ISO-8859-1", "LC_MESSAGES": "C", "NO_COLOR": "1", "HOME": "/h"}


@pytest.mark.parametrize("mask", ["000", "777", "027"])
def test_a_process_can_enter_what_it_makes_whatever_its_umask_says(mask: str, tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
from stackmatrix.system import environment, private_folders
os.umask(0o{mask})
environment.in_order()
folder = Path({str(tmp_path)!r}, "made")
folder.mkdir()
(folder / "file").write_text("x")
made = private_folders.make()
with private_folders.closed():
    (made / "file").write_text("x")
print(oct(folder.stat().st_mode), oct((folder / "file").stat().st_mode), oct(made.stat().st_mode),
      oct((made / "file").stat().st_mode))
(made / "file").unlink()
made.rmdir()
"""
    given = {"PATH": os.defpath, "PYTHONPATH": str(SOURCE), "TMPDIR": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], env=given, check=True, capture_output=True, text=True).stdout
    modes = [stat.S_IMODE(int(mode, 8)) for mode in told.split()]
    others = 0o077 & ~int(mask, 8)
    assert modes == [0o700 | others, 0o600 | others & 0o066, 0o700, 0o600]


@pytest.mark.parametrize("name", ["plain", "mit Leerraum", "Prüfstand", "(1)", "a=b+c,d@e~f#g!h&i", "-x", "x" * 200])
def test_most_names_of_a_folder_are_names(name: str, tmp_path: Path) -> None:
    (folder := tmp_path / name).mkdir()
    assert environment.why_not_in(str(folder)) is None


@pytest.mark.parametrize(("name", "sign"), [("a:b", "':'"), ("a\nb", r"'\n'"), ("50%", "'%'"), ("a\\b", r"'\\'")])
def test_a_folder_in_which_nothing_would_work_is_named_with_its_sign(name: str, sign: str, tmp_path: Path) -> None:
    (folder := tmp_path / name).mkdir()
    why = environment.why_not_in(str(folder))
    assert why is not None
    assert why.startswith(f"The project's folder {str(folder)!r} has {sign} in its path, and ")
    assert "\n" not in why
