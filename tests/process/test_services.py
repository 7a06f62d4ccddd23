"""PostgreSQL and Redis of the harness's own, with the real programs."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from stackmatrix.application import services
from stackmatrix.application.postgres import MOST_CONNECTIONS, PROGRAMS, Postgres, find_programs
from stackmatrix.application.redis import Redis
from stackmatrix.application.services import Address, Home
from stackmatrix.errors import AppError
from stackmatrix.system import processes

type Wait = Callable[[Callable[[], object]], None]


def connections(cluster: Postgres, name: str) -> int:
    """How many sessions of applications are in a database now."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = :'name' AND backend_type = 'client backend'"
    return int(cluster.ask(asked, name=name)[0][0])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres.start(tmp_path_factory.mktemp("cluster"), databases=2) as running:
        yield running


def served_sessions(cluster: Postgres) -> list[str]:
    found = []
    for process in processes.tree(cluster.child.pid)[1:]:
        with suppress(psutil.NoSuchProcess):
            found.append(" ".join(process.cmdline()))
    return [command for command in found if f"{services.HOST}(" in command]


@pytest.fixture(autouse=True)
def sessions_have_ended(cluster: Postgres, wait_for: Wait) -> Iterator[None]:
    """A session's process ends a moment after its client, before what is left behind is looked for."""
    yield
    wait_for(lambda: not served_sessions(cluster))


def as_application(cluster: Postgres, address: Address, statement: str) -> "subprocess.CompletedProcess[str]":
    """Ask as the application does, by the URL that it is given."""
    command = [str(cluster.programs / "psql"), "-X", "-q", "-A", "-t", "-c", statement, address.url]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def rows(cluster: Postgres, address: Address, statement: str) -> list[str]:
    done = as_application(cluster, address, statement)
    assert not done.stderr, done.stderr
    return done.stdout.split()


def sleeping_session(cluster: Postgres, address: Address) -> "subprocess.Popen[bytes]":
    command = [str(cluster.programs / "psql"), "-X", "-c", "select pg_sleep(60)", address.url]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def listening(port: int) -> set[str]:
    found = psutil.net_connections(kind="inet")
    listeners = [one.laddr for one in found if one.status == psutil.CONN_LISTEN and one.laddr]
    return {address.ip for address in listeners if address.port == port}


def test_a_copy_of_a_database_has_its_rows_and_is_written_to_alone(cluster: Postgres) -> None:
    original = cluster.create("set up")
    rows(cluster, original, "create table page (id int); insert into page values (1), (2)")
    cluster.settle("set up")
    first, second = (cluster.create(name, template="set up") for name in ("uwsgi_gevent-3.13", "the other's"))
    rows(cluster, first, "insert into page values (3)")
    counted = [rows(cluster, each, "select count(*) from page") for each in (original, first, second)]
    assert counted == [["2"], ["3"], ["2"]]
    # The planner knows the rows, without a clean-up in the background.
    assert rows(cluster, second, "select reltuples from pg_class where relname = 'page'") == ["2"]
    assert rows(cluster, second, "show autovacuum") == ["off"]


def test_a_database_is_put_back_while_sessions_are_in_it_and_in_its_template(cluster: Postgres, wait_for: Wait) -> None:
    cluster.create("template")
    address = cluster.create("used")
    sessions = [sleeping_session(cluster, address), sleeping_session(cluster, cluster.address("template"))]
    try:
        wait_for(lambda: connections(cluster, "used") == connections(cluster, "template") == 1)
        cluster.drop("used")
        cluster.create("used", template="template")
        assert connections(cluster, "used") == connections(cluster, "template") == 0
    finally:
        for session in sessions:
            session.kill()
            session.wait()


def test_a_database_that_is_not_there_is_dropped_in_silence(cluster: Postgres) -> None:
    cluster.drop("never made")


def test_an_application_may_do_in_its_database_what_migrations_do_and_is_no_superuser(cluster: Postgres) -> None:
    address = cluster.create("migrated")
    for extension in ("pg_trgm", "unaccent", "btree_gin", "hstore", "citext"):
        rows(cluster, address, f'create extension "{extension}"')
    assert rows(cluster, address, "select rolsuper from pg_roles where rolname = current_user") == ["f"]
    assert rows(cluster, address, "select upper('é')") == ["É"]
    assert rows(cluster, address, "show server_encoding") == ["UTF8"]


def test_nobody_gets_in_without_the_password(cluster: Postgres) -> None:
    address = cluster.create("locked")
    wrong = Address(address.host, address.port, url=address.url.replace(address.password, "guess"))
    assert "password authentication failed" in as_application(cluster, wrong, "select 1").stderr
    admin = Address(address.host, address.port, url=f"postgresql://harness@127.0.0.1:{address.port}/postgres")
    assert "password" in as_application(cluster, admin, "select 1").stderr
    assert address.password not in repr(address) + repr(cluster)
    assert cluster.admin_password not in repr(cluster)
    kept = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert address.password not in kept


def test_each_database_has_its_own_connections_and_the_harness_counts_when_they_are_used_up(cluster: Postgres) -> None:
    assert cluster.max_connections == MOST_CONNECTIONS
    address = cluster.create("narrow")
    assert cluster.ask("select datconnlimit from pg_database where datname = 'narrow'") == [["300"]]
    allowed = int(cluster.ask("show max_connections")[0][0])
    assert allowed - int(cluster.ask("show superuser_reserved_connections")[0][0]) == 2 * MOST_CONNECTIONS
    cluster.ask("alter database narrow connection limit 0")
    assert "too many connections for database" in as_application(cluster, address, "select 1").stderr
    assert connections(cluster, "narrow") == 0


def test_the_cluster_listens_on_the_loopback_only_and_no_other_user_reads_its_files(cluster: Postgres) -> None:
    assert listening(cluster.port) == {"127.0.0.1"}
    assert cluster.home.folder.stat().st_mode & 0o077 == 0
    if os.geteuid() == 0:
        assert psutil.Process(cluster.child.pid).username() == "postgres"


def test_what_postgresql_refuses_is_said_in_its_words(cluster: Postgres) -> None:
    cluster.create("twice")
    with pytest.raises(AppError, match=r'refused what the harness asked: .*"twice" already exists'):
        cluster.create("twice")
    with pytest.raises(AppError, match="takes 1 to 63 bytes"):
        cluster.create("x" * 64)


def is_gone(home: Home, family: list[psutil.Process]) -> bool:
    return not home.folder.exists() and not any(processes.is_running(each.pid) for each in family)


def test_nothing_of_a_cluster_is_left_even_with_a_session_at_work(tmp_path: Path, wait_for: Wait) -> None:
    with Postgres.start(tmp_path) as running:
        session = sleeping_session(running, running.create("busy"))
        wait_for(lambda: connections(running, "busy") == 1)
        family = processes.tree(running.child.pid)
        assert len(family) > 2
    assert is_gone(running.home, family)
    session.wait()
    running.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["postgres.log"]


def test_ctrl_c_while_a_service_comes_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[subprocess.Popen[bytes]] = []

    def interrupt(*given: object) -> None:
        seen.extend(one.child for one in given if isinstance(one, services.Service))
        raise KeyboardInterrupt

    homes: list[Home] = []
    make_home = services.make_home

    def remember(*given: object) -> Home:
        homes.append(make_home(*given))  # type: ignore[arg-type]
        return homes[-1]

    monkeypatch.setattr(services, "make_home", remember)
    for owner, moment in (
        (services, "find_port"),
        (services.Service, "_wait"),
    ):  # before there is a server, and while it comes up
        with monkeypatch.context() as patch:
            patch.setattr(owner, moment, interrupt)
            for start in (Postgres.start, Redis.start):
                with pytest.raises(KeyboardInterrupt):
                    start(tmp_path)
    assert len(seen) == len(homes) - 2 == 2
    assert all(child.poll() is not None for child in seen)
    assert not any(home.folder.exists() for home in homes)


HARNESS = """
import sys, time
from pathlib import Path
from stackmatrix.application.postgres import Postgres
from stackmatrix.application.redis import Redis
folder = Path(sys.argv[1])
with Postgres.start(folder) as postgres, Redis.start(folder) as redis:
    address = postgres.create("busy")
    said = [postgres.child.pid, redis.child.pid, address.url, postgres.home.folder, redis.home.folder]
    (folder / "up").write_text(" ".join(map(str, said)))
    time.sleep(600)
"""


def test_a_harness_that_is_killed_leaves_no_server_running(cluster: Postgres, tmp_path: Path, wait_for: Wait) -> None:
    environment = processes.child_environment()
    harness = processes.start(
        [sys.executable, "-c", HARNESS, str(tmp_path)], environment=environment, log=tmp_path / "log"
    )
    up = tmp_path / "up"
    try:
        wait_for(lambda: (up.exists() and up.read_text()) or harness.poll() is not None)
        postgres, redis, url, *folders = up.read_text().split()
        session = sleeping_session(cluster, Address("", 0, url=url))
        family = [each for pid in (postgres, redis) for each in processes.tree(int(pid))]
        assert len(family) > 3
    finally:
        harness.send_signal(signal.SIGKILL)
        harness.wait()
    wait_for(lambda: not any(processes.is_running(each.pid) for each in family))
    session.wait()
    for folder in folders:  # nobody is left who could
        shutil.rmtree(folder)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with Redis.start(tmp_path) as running:
        yield running


def test_redis_servers_know_nothing_of_each_other_and_are_emptied_alone(redis: Redis, tmp_path: Path) -> None:
    with Redis.start(tmp_path) as other:
        assert other.port != redis.port
        for one in (redis, other):
            one.ask("SET page cached")
        redis.ask("FLUSHALL")
        assert (redis.ask("DBSIZE"), other.ask("DBSIZE")) == ("0", "1")
        family = processes.tree(other.child.pid)
    assert is_gone(other.home, family)


def test_redis_begins_with_what_another_one_saved_and_does_not_share_it(redis: Redis, tmp_path: Path) -> None:
    redis.ask("SET page cached")
    with Redis.start(tmp_path, content=redis.save()) as other:
        assert other.ask("EXISTS page") == "1"
        other.ask("FLUSHALL")
    assert redis.ask("EXISTS page") == "1"


def test_redis_listens_on_the_loopback_only_and_writes_nothing(redis: Redis) -> None:
    assert listening(redis.port) == {"127.0.0.1"}
    assert redis.address.url == f"redis://127.0.0.1:{redis.port}"
    redis.ask("SET page cached")
    if os.geteuid() == 0:
        assert psutil.Process(redis.child.pid).username() == "nobody"
    home = redis.home.folder
    with pytest.raises(AppError, match="CONFIG SET"):
        redis.ask("CONFIG SET dir /tmp")
    redis.stop()
    assert not home.exists()


def test_a_service_that_is_not_installed_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AppError, match=r"apt install postgresql; macOS: brew install postgresql"):
        find_programs(debian=tmp_path)
    with pytest.raises(AppError, match=r"apt install redis-server"):
        Redis.start(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", ["9", "17"])
def test_the_newest_of_debians_versions_is_taken(tmp_path: Path, version: str) -> None:
    for folder in ("15", "9", version, "17x"):
        (tmp_path / folder / "bin").mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            (tmp_path / folder / "bin" / program).touch()
    assert find_programs(debian=tmp_path).parent.name == ("15" if version == "9" else "17")


def test_a_server_that_does_not_come_up_is_told_by_its_last_words_and_leaves_nothing(
    cluster: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "find_port", lambda: cluster.port)
    with pytest.raises(
        AppError,
        match=r"PostgreSQL did not start: it ended with exit code 1, saying .*could not create any TCP/IP sockets",
    ):
        Postgres.start(tmp_path)
    with pytest.raises(AppError, match=r"Redis did not start: .*in use"):
        Redis.start(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".log"}
