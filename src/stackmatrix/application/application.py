"""An application under test, ready to be served: found, copied, set up, asked once and kept as it was then.

``prepare`` does it all with the Python of one environment. Each server then gets a place of its own.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from stackmatrix.analysis.exceptions import limits_of
from stackmatrix.application import copy, place, probe, setup
from stackmatrix.application.companions import SLOW_API, Companions, slow_api, started, upstreams
from stackmatrix.application.discovery import Found, discover
from stackmatrix.application.explain import Asked, why_not_twice, why_wrong
from stackmatrix.application.place import Arrangement, Runner
from stackmatrix.application.postgres import Postgres
from stackmatrix.application.probe import Settings
from stackmatrix.application.secret import secrets_of
from stackmatrix.application.setup import Answered, Door
from stackmatrix.application.state import BASE, State
from stackmatrix.application.variables import fill
from stackmatrix.errors import AppError
from stackmatrix.matrix.app import App, Database
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.app_requests import Request
from stackmatrix.matrix.pages import Likeness, Page
from stackmatrix.matrix.stacks import Stack
from stackmatrix.system import logs

ASKED_AS = 900_000_000
"""What ``{n}`` is in the requests of the set-up: far from the numbers of a run."""


@dataclass(frozen=True, slots=True)
class Application:
    """An app that is set up. ``notes`` say what was left out and what is not verified, for people.

    ``answers`` are those that each page got in the set-up, and ``wrong`` the sentences for those that are not right.
    ``secrets`` are written nowhere; an arrangement's environment holds them. With ``is_diagnosing`` what the project
    raises reaches the log of its servers.
    """

    app: AppFile
    found: Found
    settings: Mapping[str, Settings]
    door: Door
    sha256: str
    pages: tuple[Page, ...]
    answers: tuple[Answered, ...]
    wrong: tuple[str, ...]
    notes: tuple[str, ...]
    state: State
    runner: Runner
    base: Arrangement
    secrets: Mapping[str, str] = field(repr=False)
    companions: Companions = field(default_factory=Companions)
    is_diagnosing: bool = False

    @property
    def served(self) -> App:
        """As it is served."""
        return App(
            self.app.name,
            wsgi=self.found.wsgi or "",
            asgi=self.found.asgi or "",
            requirements=(),
            arranger=self,
            sha256=self.sha256,
            ready_path=self.app.ready_path,
            ready_within_s=self.app.ready_within_s,
            claims_https=self.door.https,
            api_port=self.companions.ports.get(SLOW_API),
        )

    @property
    def project(self) -> Path:
        """The folder of the copy that was set up."""
        return self.state.base / place.PROJECT

    def arrange(self, interface: str, name: str) -> Arrangement:
        """A place of this name as the set-up left everything, for a server of an interface; made anew each time.

        Raises:
            AppError: when the app has no callable for the interface.

        """
        if self.found.callable_of(interface) is None:
            raise AppError(f"{self.app.name} has no {interface} callable: its file leaves stacks of {interface} out.")
        folder = self.state.put_back(name)
        known = {**self.companions.known(), **self.state.known(name)}
        is_diagnosing = self.is_diagnosing
        return place.arrange(self.app, self.found, folder, interface, known, self.secrets, is_diagnosing=is_diagnosing)

    def warnings(self, stack: Stack) -> tuple[str, ...]:
        """How databases are likely to limit this stack with this app, in sentences."""
        return tuple(one.sentence for one in limits_of(stack, self.databases(stack.serves_views_of)))

    def databases(self, interface: str) -> tuple[Database, ...]:
        """What limits the use of the databases that stacks of an interface use."""
        postgres = self.state.postgres
        most = None if postgres is None else postgres.max_connections
        return tuple(
            Database(one.alias, most if one.is_postgres else None, one.conn_max_age)
            for one in self.settings[interface].databases
        )

    def asked(self, page: Page, interface: str, answer: Answered, log: str) -> Asked:
        """An answer of a server to one of the pages, with all that explains it."""
        request = next(one for one in self.app.requests if one.page.name == page.name)
        return Asked(request, page, answer, self.settings[interface], self.door, self.project, log)


@contextmanager
def prepare(
    app: AppFile,
    python: Path,
    folder: Path,
    *,
    together: int = 1,
    say: Callable[[str], None] = lambda _: None,
    beside: "Application | None" = None,
) -> Iterator[Application]:
    """Set an app up in a folder, and keep its services up until the end.

    ``python`` is the interpreter of one of its environments, ``together`` how many places are in use at the same time,
    and ``say`` is told what is being done. One of the same file that it stands ``beside`` shares the slow services.

    Raises:
        AppFileError: for what the file says.
        AppError: for what the project does, in one sentence.

    """
    secrets = secrets_of(app, os.environ)
    found = discover(app)
    places = folder / "logs"
    places.mkdir(parents=True)
    companions = Companions()
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres.start(folder, together + 1)) if app.databases else None
        state = State(folder, app.databases, postgres, app.has_redis)
        stack.callback(state.close)
        state.begin()
        if beside is not None:
            companions.share(beside.companions, [SLOW_API, *(one.name for one in app.upstreams)])
        else:
            if app.has_slow_api:
                companions.ports[SLOW_API] = stack.enter_context(slow_api(app, places))
            for upstream in app.upstreams:
                companions.choose(upstream.name, upstream.port)
            stack.enter_context(upstreams(app.upstreams, companions, places))
        for process in app.processes:
            companions.choose(process.name, process.port)
        preparation = _Preparation(app, found, Runner(python, places), state, companions, secrets, say)
        try:
            application = preparation.finish(stack)
        except AppError as error:
            raise AppError(logs.hide(str(error), secrets.values())) from None
        yield application


@dataclass(frozen=True, slots=True)
class _Preparation:
    """The steps from a folder to an application."""

    app: AppFile
    found: Found
    runner: Runner
    state: State
    companions: Companions
    secrets: Mapping[str, str] = field(repr=False)
    say: Callable[[str], None]

    def finish(self, stack: ExitStack) -> Application:
        """Do all of them; processes that are started are ended with the stack."""
        app, runner, found = self.app, self.runner, self.found
        copied = self._copy()
        at = {one: self._arrange(one) for one in ("WSGI", "ASGI") if found.callable_of(one) is not None}
        if not at:
            raise AppError("wsgi = false and asgi = false leave no stack to measure.")
        settings = self._probe(at)
        first = next(iter(at))
        setup.run_steps(setup.steps_of(app, settings[first]), runner, at[first], app, found, self.say)
        stack.enter_context(started(app.processes, self.companions, runner, at[first], self._known))
        door = setup.door_of(app, settings[first])
        sessions = setup.log_in(runner, at[first], app, door, self.secrets)
        made = [f"{name} was not there and was made a superuser" for name, one in sessions.items() if one.is_made]
        pages = [setup.page_of(one, door, settings[first], sessions) for one in app.requests]
        answers, wrong = self._ask(pages, door, at[first], settings[first])
        return Application(
            app=app,
            found=found,
            settings=settings,
            door=door,
            sha256=copied.sha256,
            pages=tuple(map(_like, app.requests, pages, answers)),
            answers=tuple(answers),
            wrong=tuple(logs.hide(why, self.secrets.values()) for why in wrong),
            notes=(*copied.notes, *made, *self._notes(settings)),
            state=self.state,
            runner=runner,
            base=at[first],
            secrets=self.secrets,
            companions=self.companions,
        )

    def _copy(self) -> copy.Copy:
        """Copy the project, with the files that its app's file puts into it, and the folders of its state."""
        app, folder = self.app, self.state.base / place.PROJECT
        copied = copy.make(
            app.project,
            folder,
            file=app.file,
            written=app.written or {},
            copied=app.copied or {},
            fill=lambda text, where: fill(text, self._known(), where),
        )
        for name in app.state:
            made = (folder / name).resolve()
            if not made.is_relative_to(folder.resolve()):
                raise AppError(f"state = {name!r} lies outside of the project: what is put back is in its copy.")
            made.mkdir(parents=True, exist_ok=True)
        return copied

    def _known(self) -> dict[str, str]:
        return {**self.companions.known(), **self.state.known(BASE)}

    def _arrange(self, interface: str) -> Arrangement:
        return place.arrange(self.app, self.found, self.state.base, interface, self._known(), self.secrets)

    def _probe(self, at: Mapping[str, Arrangement]) -> dict[str, Settings]:
        """The settings of each interface; nothing of the project is set up before all of them are known to be fit."""
        app, ours = self.app, self.state.ours(BASE)
        is_one = app.env.wsgi == app.env.asgi and app.override.wsgi == app.override.asgi
        for one in list(at.values())[: 1 if is_one else None]:
            probe.need_fit(self.runner, one, app, self.found, ours)
        return {name: probe.probe(self.runner, one, app, self.found, name, ours) for name, one in at.items()}

    def _ask(
        self, pages: Sequence[Page], door: Door, at: Arrangement, settings: Settings
    ) -> tuple[list[Answered], list[str]]:
        """Ask each page, once for each of its values; returns its first answer, and the sentences for what is wrong.

        What is only read is asked twice before the snapshot: the first time may fill caches and make thumbnails, which
        all stacks then find. What changes something is asked after it, so that every stack finds everything as the
        set-up left it, and twice as well, since under load it is asked many times.
        """
        reads, writes = [one for one in pages if one.is_read], [one for one in pages if not one.is_read]
        self.say(f"asking Django's test client for {len(pages)} page{'s' if len(pages) > 1 else ''}")
        each = [(page, ASKED_AS + turn) for page in reads for turn in range(_turns(page))]
        changing = [(page, ASKED_AS) for page in writes]
        if each:
            setup.ask_each(self.runner, at, each, door)
        answered = setup.ask_each(self.runner, at, each, door) if each else []
        self.state.snapshot()
        answered += setup.ask_each(self.runner, at, changing, door) if changing else []
        first: dict[str, Answered] = {}
        said: dict[str, list[str]] = {page.name: [] for page in pages}
        requests = {one.page.name: one for one in self.app.requests}
        for (page, number), answer in zip([*each, *changing], answered, strict=True):
            first.setdefault(page.name, answer)
            shown = replace(page, path=page.request(number)[0])
            why = why_wrong(Asked(requests[page.name], shown, answer, settings, door, at.cwd))
            said[page.name] += [why] if why is not None else []
        wrong = [why for whys in said.values() for why in whys]
        if changing and not wrong:
            again = setup.ask_each(self.runner, at, [(page, ASKED_AS + 1) for page in writes], door)
            wrong = [why for why in map(why_not_twice, writes, again) if why is not None]
        return [first[page.name] for page in pages], wrong

    def _notes(self, settings: Mapping[str, Settings]) -> tuple[str, ...]:
        """What is likely to limit a run, and what cannot be verified."""
        app = self.app
        writes = not all(one.page.is_read for one in app.requests)
        said = [note for one in settings for note in probe.warnings(settings[one], one, has_writes=writes)]
        keys = {one.secret_key for one in settings.values()}
        if len(keys) > 1:
            said.append("SECRET_KEY differs from process to process: sessions that were made are not accepted")
        called = [*([SLOW_API] if app.has_slow_api else []), *(one.name for one in app.upstreams)]
        called += [one.name for one in app.processes]
        if called:
            said.append(f"whether a page calls {' and '.join(called)} as it should is not verified, only its answer")
        caches = [one.session_cache for one in settings.values() if "cache" in one.session_engine]
        if any(one.user is not None for one in app.requests) and "locmem" in " ".join(caches):
            said.append("sessions are kept in local memory, where no other process finds them")
        return tuple(dict.fromkeys(said))


def _turns(page: Page) -> int:
    """How many requests it takes until each of a page's values has had its turn."""
    return max((len(values) for _, values in page.values), default=1)


def _like(request: Request, page: Page, answer: Answered) -> Page:
    """A page whose right answers are like its first one, unless the file says otherwise or its values make others."""
    if not request.like or page.values:
        return page
    like = Likeness.of(answer.headers.get("content-type", ""), answer.body)
    return replace(page, expect=replace(page.expect, like=like))
