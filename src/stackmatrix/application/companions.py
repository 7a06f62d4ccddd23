"""What runs beside an app: the stand-ins for slow services that it calls, and other processes that it needs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from stackmatrix.application import services
from stackmatrix.application.place import Arrangement, Runner, end
from stackmatrix.application.services import HOST
from stackmatrix.application.variables import fill, fill_all
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.app_parts import Process, Upstream
from stackmatrix.system import ports

FIRST_PORT = 10_000
"""From where on their ports are looked for: apart from those of targets and of services."""
READY_S = 60.0
"""Until a process listens; one that imports a whole project takes some seconds."""
SLOW_API = "slow-api"
"""The name by which an app's file asks for the external API."""


@dataclass(slots=True)
class Companions:
    """The addresses of what runs beside an app, by name."""

    ports: dict[str, int] = field(default_factory=dict)

    def known(self) -> dict[str, str]:
        """Their variables, such as ``{NAME.url}``."""
        return {
            f"{name}.{part}": value
            for name, port in self.ports.items()
            for part, value in (("url", f"http://{HOST}:{port}"), ("host", HOST), ("port", str(port)))
        }

    def share(self, other: "Companions", names: Iterable[str]) -> None:
        """Take those of these names that are up for another application."""
        self.ports |= {name: other.ports[name] for name in names if name in other.ports}

    def choose(self, name: str, port: int | None) -> int:
        """Choose the port of a process: the one that the app has built in, or a free one.

        Raises:
            PortTakenError: when a port that the app has built in is in use.

        """
        if port is not None:
            ports.need_free_port(port, name)
        taken = set(self.ports.values())
        found = ports.find_free(ports.apart(FIRST_PORT), len(taken) + 1)
        self.ports[name] = port or next(one for one in found if one not in taken)
        return self.ports[name]


def built_in_api_port(app: AppFile) -> int | None:
    """The port that the external API must have for an app that is given its address by nothing in its file."""
    said = repr((app.env, app.override, app.written, app.processes))
    return None if f"{{{SLOW_API}." in said or not app.has_slow_api else ports.API_PORT


@contextmanager
def slow_api(app: AppFile, folder: Path) -> Iterator[int]:
    """The external API, up until the end, on a free port or the one that the app has built in.

    Raises:
        PortTakenError: when that one is in use.

    """
    port = built_in_api_port(app)
    if port is not None:
        ports.need_free_port(port, "the slow API, whose address the app has built in")
    else:
        (port,) = ports.find_free(ports.apart(ports.API_PORT), 1)
    log = folder / "slow-api.log"
    child = services.start([sys.executable, "-m", "slow_api", "--port", str(port)], log)
    try:
        services.wait_until_up(child, f"{SLOW_API} on port {port}", log, partial(ports.is_bound, port), READY_S)
        yield port
    finally:
        end(child)


@contextmanager
def upstreams(given: tuple[Upstream, ...], companions: Companions, folder: Path) -> Iterator[None]:
    """Stand-ins for the services that an app calls, up until the end.

    Raises:
        AppError: when one does not listen.

    """
    with ExitStack() as stack:
        for one in given:
            port = companions.ports[one.name]
            answers, log = folder / f"upstream-{one.name}.json", folder / f"upstream-{one.name}.log"
            answers.write_text(json.dumps(asdict(one)), encoding="utf-8")
            command = [sys.executable, "-m", "slow_api.stand_in", "--port", str(port), str(answers)]
            child = services.start(command, log)
            stack.callback(end, child)
            services.wait_until_up(child, f"{one.name} on port {port}", log, partial(ports.is_bound, port), READY_S)
        yield


@contextmanager
def started(
    given: tuple[Process, ...],
    companions: Companions,
    runner: Runner,
    at: Arrangement,
    known: Callable[[], Mapping[str, str]],
) -> Iterator[None]:
    """The processes that must listen before a stack starts, up until the end, in the set-up's place.

    Raises:
        AppError: when one does not listen.

    """
    with ExitStack() as stack:
        for one in given:
            port = companions.ports[one.name]
            where = f"process {one.name}"
            command = [fill(part.replace("{port}", str(port)), known(), where) for part in one.command]
            program = runner.python.parent / command[0]
            command[0] = str(program) if program.exists() else command[0]
            environment = {**at.environment, **fill_all(one.env, known(), where)}
            log = runner.logs / f"process-{one.name}.log"
            child = runner.start(command, Arrangement(at.cwd, environment), log)
            stack.callback(end, child)
            services.wait_until_up(child, f"{one.name} on port {port}", log, partial(ports.is_bound, port), READY_S)
        yield
