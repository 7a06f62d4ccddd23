"""circusd with the committed circus.ini: what it starts, what it notices, and that it leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.system import http, private_folders, processes
from stackmatrix.system.cores import Layout
from stackmatrix.system.ports import is_bound
from stackmatrix.testbed import circus_ini, external_api, supervisor, verification
from stackmatrix.testbed.supervisor import Supervisor, Target
from under_test.identity import IDENTITY_PATH

type Wait = Callable[[Callable[[], object]], None]
type Make = Callable[..., Supervisor]


@pytest.fixture
def ports(free_port: Callable[[], int]) -> tuple[int, int]:
    """Of the external API and of the target."""
    return free_port(), free_port()


@pytest.fixture
def make(ports: tuple[int, int], standin_command: Callable[..., tuple[str, ...]]) -> Iterator[Make]:
    """Makes a supervisor of the external API and a target: a command, or a stand-in with further options."""
    folders = []

    def make(*options: str, command: tuple[str, ...] | None = None, layout: Layout | None = None) -> Supervisor:
        folder = private_folders.make()
        folders.append(folder)
        api_port, target_port = ports
        target = Target("target", command or standin_command(target_port, *options))
        return Supervisor([target], api_port, layout or Layout(), folder)

    yield make
    for folder in folders:
        private_folders.remove(folder)
        assert not folder.exists()


def children() -> set[int]:
    return {process.pid for process in psutil.Process(os.getpid()).children(recursive=True)}


def wait_ready(circus: Supervisor, ports: tuple[int, int]) -> None:
    external_api.wait_ready(ports[0], lambda: circus.why_gone("api"))
    verification.wait_for_identity(ports[1], lambda: circus.why_gone("target"))


def test_both_are_up_and_leaving_ends_everything_and_frees_the_ports(ports: tuple[int, int], make: Make) -> None:
    before = children()
    with make() as circus:
        wait_ready(circus, ports)
        told = http.get(ports[1], IDENTITY_PATH).json()
        assert told["pid"] == circus.pid("target")
        assert processes.is_running(circus.pid("api"))
        assert (circus.why_gone("api"), circus.why_gone("target")) == (None, None)
        during = children() - before
        assert {circus.pid("api"), circus.pid("target")} < during
        circusd, *watched = circus.pids
        assert watched == [circus.pid("api"), circus.pid("target")]
        assert "circus.circusd" in psutil.Process(circusd).cmdline()
    assert not [pid for pid in during if psutil.pid_exists(pid)]
    assert [is_bound(port) for port in ports] == [False, False]


def test_a_target_that_stands_still_is_killed_in_the_end_and_named(ports: tuple[int, int], make: Make) -> None:
    with (  # noqa: PT012 - it is raised at the end of the body
        pytest.raises(SupervisorError, match=r"^Processes \d+ of target had to be killed") as killed,
        make() as circus,
    ):
        wait_ready(circus, ports)
        os.kill(circus.pid("target"), signal.SIGSTOP)
    assert str(circus.pid("target")) in str(killed.value)
    assert not psutil.pid_exists(circus.pid("target"))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot pin")
def test_each_role_is_on_its_own_cores_and_the_target_may_open_many_files(ports: tuple[int, int], make: Make) -> None:
    cores = sorted(os.sched_getaffinity(0))
    layout = Layout(target=(cores[-1],), generator=(cores[0],), api=(cores[0],), harness=(cores[0],))
    with make(layout=layout) as circus:
        wait_ready(circus, ports)
        assert psutil.Process(circus.pids[0]).cpu_affinity() == [cores[0]]
        assert psutil.Process(circus.pid("target")).cpu_affinity() == [cores[-1]]
        assert psutil.Process(circus.pid("api")).cpu_affinity() == [cores[0]]
        soft, hard = psutil.Process(circus.pid("target")).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == min(32_768, hard)


def test_what_is_supervised_gets_nothing_of_the_users_environment(
    ports: tuple[int, int], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "the_users")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with make() as circus:
        wait_ready(circus, ports)
        environment = psutil.Process(circus.pid("target")).environ()
    assert environment["SLOW_API_URL"] == f"http://127.0.0.1:{ports[0]}"
    # The last is circus's own doing.
    assert environment.keys() <= {"PATH", "LANG", "PYTHONPATH", "SLOW_API_URL", "LC_CTYPE", "__name__"}


@pytest.mark.parametrize(
    "script",
    [
        "import sys; sys.exit('No module named unicorn')",
        "import time; time.sleep(1); raise SystemExit('No module named unicorn')",
    ],
    ids=["at once", "after a while"],
)
def test_a_target_that_does_not_come_up_is_told_with_the_end_of_its_log_and_not_by_a_time_out(
    ports: tuple[int, int], make: Make, script: str
) -> None:
    with (
        pytest.raises(
            TrialError, match=r"the process of 'target' ended by itself: .*No module named unicorn"
        ) as failed,
        make(command=(sys.executable, "-c", script)) as circus,
    ):
        wait_ready(circus, ports)
    assert "within" not in str(failed.value)


STARTS = 20
BROKEN = """
import sys
sys.stdout.write('A line of other output.\\n' * 100_000)
sys.stdout.flush()
try:
    raise ValueError('Set the KEY variable.')
except ValueError:
    sys.excepthook(*sys.exc_info())
sys.exit('Worker failed to boot.')
"""


def test_an_exception_is_told_by_its_own_line_at_every_start_whatever_was_said_before_and_after(
    ports: tuple[int, int], make: Make
) -> None:
    for _ in range(STARTS):
        with (
            pytest.raises(
                TrialError, match=r"ended by itself: ValueError: Set the KEY variable\. \(its whole log: "
            ) as told,
            make(command=(sys.executable, "-c", BROKEN)) as circus,
        ):
            wait_ready(circus, ports)
        kept = processes.PROJECT / str(told.value).rpartition("its whole log: ")[2].split(")")[0]
        assert kept.stat().st_size > 2_000_000


def test_what_goes_wrong_while_a_target_lives_is_told_with_what_its_log_says(
    ports: tuple[int, int], make: Make
) -> None:
    with make() as circus:
        wait_ready(circus, ports)
        with (
            pytest.raises(TrialError, match=r"^Status 500\. Its log says: stand-in is up "),
            circus.explaining("target"),
        ):
            raise TrialError("Status 500.")


def test_what_goes_wrong_because_a_target_has_just_ended_is_told_with_how_it_ended(
    ports: tuple[int, int], make: Make, wait_for: Wait
) -> None:
    with make() as circus:
        wait_ready(circus, ports)
        os.kill(circus.pid("target"), signal.SIGKILL)
        wait_for(lambda: circus.why_gone("target"))
        told = (
            r"^No answer\. Meanwhile the process of 'target' ended by itself( \(killed by SIGKILL\))?: stand-in is up"
        )
        with pytest.raises(TrialError, match=told), circus.explaining("target"):
            raise TrialError("No answer.")


def test_a_command_that_does_not_exist_is_told_by_its_name(ports: tuple[int, int], make: Make) -> None:
    with (
        pytest.raises(TrialError, match="ended by itself: /no/such/server cannot be started: No such file"),
        make(command=("/no/such/server", "--port", "1")) as circus,
    ):
        wait_ready(circus, ports)


@pytest.mark.parametrize(("killed", "other"), [("target", "api"), ("api", "target")])
def test_what_was_killed_is_noticed_and_not_restarted(
    ports: tuple[int, int], make: Make, wait_for: Wait, killed: str, other: str
) -> None:
    with make() as circus:
        wait_ready(circus, ports)
        os.kill(circus.pid(killed), signal.SIGKILL)
        wait_for(lambda: circus.why_gone(killed))
        assert str(circus.why_gone(killed)).startswith(f"the process of '{killed}' ended by itself")
        assert circus.why_gone(other) is None
        # A restart comes in the same moment in which circus finds a process dead: it is then never seen with none.
        client = circus._client
        assert client is not None
        wait_for(lambda: client.send_message("list", name=killed).get("pids") == [])
        wait_for(circus._why_dead)
        assert circus._why_dead() == circus.why_gone(killed)


def test_a_target_that_ignores_its_stop_signal_is_killed_and_told(ports: tuple[int, int], make: Make) -> None:
    with pytest.raises(SupervisorError, match="had to be killed") as told, make("--stubborn") as circus:  # noqa: PT012 - leaving raises
        wait_ready(circus, ports)
        circus.note_tree()
        pid = circus.pid("target")
    assert str(told.value).startswith(f"Processes {pid} of target had to be killed")
    assert not psutil.pid_exists(pid)
    assert not is_bound(ports[1])


SLOW_TO_END = """
import signal, sys, time

def end(*_):
    time.sleep(2.5)
    print("ended by itself", flush=True)
    sys.exit()

signal.signal(signal.SIGTERM, end)
print("is up", flush=True)
while True:
    time.sleep(60)
"""


def is_up(log: Path) -> bool:
    return log.exists() and "is up" in log.read_text()


@pytest.mark.parametrize("count", [1, 4])
def test_targets_that_stop_at_once_have_the_time_of_all(
    ports: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Wait, count: int
) -> None:
    # Each takes 2.5 s to end, as it would with many on one core: too long for one alone, here, and not for four.
    monkeypatch.setattr(circus_ini, "GRACEFUL_S", 2)
    targets = [Target(f"target_{place}", (sys.executable, "-c", SLOW_TO_END)) for place in range(count)]
    killed = pytest.raises(SupervisorError, match="had to be killed") if count == 1 else contextlib.nullcontext()
    with killed, Supervisor(targets, ports[0], Layout(), tmp_path) as circus:
        wait_for(lambda: all(is_up(tmp_path / f"{target.name}.log") for target in targets))
    assert not [pid for pid in circus.pids if processes.is_running(pid)]
    assert [target.name for target in targets if "ended by itself" not in circus.log_of(target.name)] == [
        target.name for target in targets if count == 1
    ]


def test_the_more_targets_stop_at_once_the_more_time_each_has() -> None:
    assert [circus_ini.graceful_s(targets) for targets in (0, 1, 6, 26)] == [5, 5, 10, 30]
    given = circus_ini.variables(1, Layout(), Path("/nowhere"), 26)
    assert given["STACKMATRIX_GRACEFUL_S"] == "30"
    assert circus_ini.CIRCUS_INI.read_text().count("graceful_timeout = $(circus.env.stackmatrix_graceful_s)") == 2


def test_a_stubborn_target_does_not_hide_why_a_trial_failed(ports: tuple[int, int], make: Make) -> None:
    with pytest.raises(TrialError, match=r"^The cause$"), make("--stubborn") as circus:  # noqa: PT012 - leaving raises
        wait_ready(circus, ports)
        pid = circus.pid("target")
        raise TrialError("The cause")
    assert not psutil.pid_exists(pid)


def test_a_child_of_the_target_that_survives_it_is_killed_and_told(ports: tuple[int, int], make: Make) -> None:
    with pytest.raises(SupervisorError, match="had to be killed") as told, make("--with-child") as circus:  # noqa: PT012 - leaving raises
        wait_ready(circus, ports)
        circus.note_tree()
        (child,) = psutil.Process(circus.pid("target")).children()
    assert str(child.pid) in str(told.value)
    assert not processes.is_running(child.pid)


def test_everything_ends_when_circusd_itself_is_killed(ports: tuple[int, int], make: Make) -> None:
    with make() as circus:
        wait_ready(circus, ports)
        pids = [circus.pid("api"), circus.pid("target")]
        os.kill(circus._child.pid, signal.SIGKILL)
    assert not [pid for pid in pids if processes.is_running(pid)]


def test_circusd_that_cannot_start_is_told_with_its_log(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "circus.ini"
    broken.write_text(f"{circus_ini.CIRCUS_INI.read_text(encoding='utf-8')}\nno section and no option\n")
    monkeypatch.setattr(supervisor, "CIRCUS_INI", broken)
    circus = make()
    with pytest.raises(TrialError, match=r"circusd ended by itself: .*circus.ini"), circus:
        pass
    assert circus._child.returncode is not None


def test_two_supervisors_are_apart(
    ports: tuple[int, int], make: Make, free_port: Callable[[], int], standin_command: Callable[..., tuple[str, ...]]
) -> None:
    other_port = free_port()
    with make() as circus:
        wait_ready(circus, ports)
        with make(command=standin_command(other_port)) as other:
            # The second API finds its port taken and ends; the first is not touched.
            verification.wait_for_identity(other_port, lambda: other.why_gone("target"))
            assert other.pid("target") != circus.pid("target")
        assert circus.why_gone("target") is None
        assert circus.why_gone("api") is None


def test_a_socket_of_the_supervisor_is_in_a_folder_that_only_this_user_enters() -> None:
    folder = private_folders.make()
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(f"{folder}/circus") < 100
    finally:
        private_folders.remove(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_harness_that_is_killed_outright_leaves_nothing_running(
    ports: tuple[int, int], standin_command: Callable[..., tuple[str, ...]], tmp_path: Path, wait_for: Wait
) -> None:
    script = f"""
import time
from pathlib import Path
from stackmatrix.testbed import supervisor
target = supervisor.Target("target", {standin_command(ports[1])!r})
with supervisor.Supervisor([target], {ports[0]}, supervisor.Layout(), Path({str(tmp_path)!r})) as circus:
    print(circus._child.pid, circus.pid("api"), circus.pid("target"), flush=True)
    time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": str(processes.SOURCE)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        pids = [int(pid) for pid in harness.stdout.readline().split()]
        harness.kill()
    assert len(pids) == 3
    wait_for(lambda: not any(processes.is_running(pid) for pid in pids))
