"""The file of an application under test: what it says, and each mistake in it that can be seen from it alone."""

from datetime import date
from pathlib import Path

import pytest

from stackmatrix.analysis.metrics import METRICS
from stackmatrix.errors import AppFileError
from stackmatrix.matrix import app_file, app_keys
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.app_parts import Waiver
from stackmatrix.matrix.stacks import REFERENCE_STACK

OWN = 'paths = ["/"]\n[stack.x]\nrequirements = ["x"]\ninterface = "WSGI"\nwaits_with = "threads"\n'
"""A stack of one's own, but for its command."""
WAIVER = 'paths = ["/"]\n[[waive]]\nreason = "known"\n'
"""A waiver, but for its ceiling and its end."""


def read(folder: Path, text: str) -> AppFile:
    (folder / "stackmatrix.toml").write_text(text, encoding="utf-8")
    return app_file.read(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 'nothing is requested; say paths = ["/"] or write a [[request]].'),
        ('path = ["/"]', "there is no key 'path'; do you mean 'paths'?"),
        ('[[request]]\npath = "/x/"\njosn = {}', "request /x/: there is no key 'josn'; do you mean 'json'?"),
        ('[[request]]\npath = "/x/"\nexpect = { titel = 1 }', "request /x/: expect: there is no key 'titel'"),
        ("[[request]]\nweight = 2", "request: path is missing."),
        ('paths = "/"', "paths = '/' is not a list."),
        ('paths = ["blog/"]', "request blog/: a path begins with a slash, with neither scheme nor host."),
        ('paths = ["https://a.example/"]', "request https://a.example/: a path begins with a slash"),
        (
            'paths = ["/"]\n\noverride = { DATABASES = { default = { X = 1 } } }\n[override.DATABASES.default]\nY = 1',
            "override is written in braces in line 3, and braces cannot be continued: write [override] in a line",
        ),
        ('paths = ["/"', "stackmatrix.toml is not TOML: "),
        ('paths = ["/{id}/"]', "values says nothing for {id}; write values = { id = [1, 2, 3] }"),
        ('paths = ["/"]\nservices = ["postgre"]', "services has 'postgre'; do you mean 'postgres'?"),
        ('paths = ["/"]\nsetup = ["make css"]', "a set-up step for the shell begins with '$ ', as in \"$ make css\"."),
        ('paths = ["/"]\nasgi = true', "asgi = True is not a text or false."),
        ('paths = ["/"]\nenv.X = true', "env.X = True is not a text or a number."),
        ('paths = ["/"]\nproject = "back"', "project = 'back': there is no such folder."),
        ('paths = ["/"]\nfiles = { a = { copy = "b" } }', "files: copy = 'b': there is no such file beside this one."),
        ('[[request]]\npath = "/"\nweight = 0', "request /: weight = 0 asks for it never; leave the request away."),
        ('[[request]]\npath = "/"\njson = 1\nbody = "x"', "request /: it has json and body, and a request has one"),
        ('paths = ["/"]\n[upstream.a]\ndelay_ms = { median = 9, p99 = 3 }', "the median lies above 0 and below p99."),
        ('paths = ["/"]\n[stack.x]\nrequirements = ["x"]', "stack.x: command is missing."),
        (f'{OWN}command = "x {{wsgi}}"', "stack x: its command does not say where {port} goes."),
        (f'{OWN}command = "x {{host}}:{{port}}"', "stack x: its command has '{host}:{port}'"),
        (f'{OWN}command = "x {{port}} }}"', "stack x: a brace stands alone in"),
        (f'{OWN}command = "x {{port}} {{}}"', "stack x: its command has '{}', and"),
        (OWN.replace('["x"]', "[]") + 'command = "x {port}"', "stack x: requirements is empty: say what is installed"),
        ('paths = ["/"]\nrate = 420', "rate = 420 is not a number from 0.1 to 400."),
        ('paths = ["/"]\nrate = nan', "rate = nan is not a number from 0.1 to 400."),
        ('paths = ["/"]\nservices = [{}]', "services: postgres is missing."),
        ('paths = ["/a#b"]', "request /a#b: what follows a '#' is never sent; leave it away."),
        ('paths = ["/"]\nhost = ""', "host is empty."),
        ('paths = ["/"]\nmanage = "python \'"', "\"python '\" cannot be split into words: no closing quotation."),
        ('paths = ["/"]\n[[request]]\npath = "/a"\njson = nan', "request /a: json = nan is not a value that JSON has."),
        (f'paths = ["/"]\nrate = {"9" * 5000}', "stackmatrix.toml cannot be read: "),
        (f"{WAIVER}at_most = 8\nuntil = 2026-12-31", 'waive known: at_most = 8 is not a percentage such as "8%".'),
        (f'{WAIVER}at_most = "8"\nuntil = 2026-12-31', "waive known: at_most = '8' is not a percentage such"),
        (f'{WAIVER}at_most = "8%"\nuntil = "2026-12-31"', "is not a date such as 2026-12-31, without quotation marks."),
        (f'{WAIVER}at_most = "8%"\nuntil = 2026-12-31T00:00:00', "is not a date such as 2026-12-31, without quotation"),
        (f'{WAIVER}at_most = "8%"', "waive known: until is missing."),
        (f'{WAIVER}at_most = "8%"\nuntil = 2026-12-31\nfigure = "cpus"', "has 'cpus'; do you mean 'cpu'?"),
        ('paths = ["/"]\n[[waive]]\nat_most = "8%"\nuntil = 2026-12-31', "waive: reason is missing."),
        ('paths = ["/"]\n[budget]\nmemory = "80 MB"', "budget.memory = '80 MB' is not a number from 0 to 1000000."),
        ('paths = ["/"]\n[budget]\nram = 80', "budget: there is no key 'ram'"),
        (
            'paths = ["/"]\n[upstream.a]\ndelay_ms = 1\n[[process]]\nname = "a"\ncommand = "x"',
            "two of services, process and upstream are called a; call one another name.",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_a_sentence_that_names_the_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AppFileError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith("stackmatrix.toml")
    assert said in str(error.value)


STACK = """
paths = ["/"]
[stack.{name}]
command = "{command}"
requirements = ["{requirement}"]
interface = "WSGI"
waits_with = "threads"
"""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "seed"}, "stack seed: seed chooses a group of stacks already; call yours another name."),
        ({"name": "asgi"}, "stack asgi: asgi chooses a group of stacks already; call yours another name."),
        ({"name": REFERENCE_STACK}, "there is such a stack already; call yours another name."),
        ({"command": "x {port} {x}"}, "stack own: its command has '{x}', and what can be filled in is {bin}, {prefix}"),
        ({"command": "x {port} {"}, "stack own: a brace stands alone in '{'; one that is meant is written twice."),
        ({"command": "x"}, "stack own: its command does not say where {port} goes."),
        ({"requirement": "git+https://a.example/x"}, 'stack own: say the module of its server: server = "NAME".'),
        ({"requirement": ""}, "stack.own.requirements is empty."),
    ],
)
def test_a_row_of_ones_own_that_cannot_be_started_or_chosen_is_refused(
    tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    whole = {"name": "own", "command": "x {port}", "requirement": "x"} | changed
    text = STACK
    for key, value in whole.items():
        text = text.replace(f"{{{key}}}", value, 1)
    with pytest.raises(AppFileError) as error:
        read(tmp_path, text)
    assert said in str(error.value)


def test_a_server_is_imported_by_another_name_than_it_is_installed_by(tmp_path: Path) -> None:
    text = STACK.replace("{name}", "own").replace("{command}", "x {port}").replace("{requirement}", "mod-wsgi>=5")
    (row,) = read(tmp_path, f"{text}workers = 3").stacks
    assert (row.server, row.workers) == ("mod_wsgi", 3)


def test_a_path_is_named_as_it_is_written_and_sent_as_a_browser_does(tmp_path: Path) -> None:
    app = read(
        tmp_path, 'paths = ["/café/?q=a b&r=%20"]\n[[request]]\npath = "/{slug}/"\nvalues = { slug = ["é", "a/b"] }'
    )
    plain, filled = (request.page for request in app.requests)
    assert (plain.name, plain.request(1)[0]) == ("/café/?q=a b&r=%20", "/caf%C3%A9/?q=a%20b&r=%20")
    assert [filled.request(turn)[0] for turn in (0, 1)] == ["/%C3%A9/", "/a/b/"]


def test_a_folder_without_a_file_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(
        AppFileError, match=r"nor a \[tool\.stackmatrix\] in its pyproject\.toml; write one line: paths"
    ):
        app_file.read(tmp_path)


def test_the_same_keys_stand_in_a_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.stackmatrix]\npaths = ["/a/"]\nname = "My Shop"')
    app = app_file.read(tmp_path)
    assert (app.name, [one.page.path for one in app.requests]) == ("my-shop", ["/a/"])


def test_three_lines_say_all_that_startproject_needs(tmp_path: Path) -> None:
    app = read(
        tmp_path,
        'install = ["django"]\noverride = { DEBUG = false, ALLOWED_HOSTS = ["*"] }\n'
        'request = [{ path = "/admin/login/" }, { path = "/admin/auth/user/", user = "admin", weight = 3 }]',
    )
    assert app.override.of("WSGI") == {"DEBUG": False, "ALLOWED_HOSTS": ["*"]}
    assert [(one.page.weight, one.user) for one in app.requests] == [(1.0, None), (3.0, "admin")]
    assert app.interfaces == ("WSGI", "ASGI")


def test_a_body_makes_a_post_with_its_type_and_numbers_are_left_for_the_load(tmp_path: Path) -> None:
    app = read(
        tmp_path,
        '[[request]]\npath = "/a/"\njson = { name = "tag {n}" }\n[[request]]\npath = "/a/"\nform = { x = "a b {n}" }\n'
        '[[request]]\npath = "/{slug}/"\nvalues = { slug = ["a", 2] }\naccept = "text/plain"',
    )
    json, form, third = app.requests
    assert (json.page.method, json.page.request(5)[1], json.csrf) == ("POST", b'{"name": "tag 5"}', True)
    assert form.page.request(5)[1] == b"x=a+b+5"
    assert [dict(one.page.headers) for one in app.requests] == [
        {"Content-Type": "application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Accept": "text/plain"},
    ]
    assert [one.page.name for one in app.requests] == ["POST /a/", "POST /a/ (2)", "/{slug}/"]
    assert (third.csrf, third.page.request(1)[0]) == (False, "/2/")


def test_values_of_an_interface_win_over_those_of_both_table_by_table(tmp_path: Path) -> None:
    app = read(
        tmp_path,
        'paths = ["/"]\nenv = { A = 1, B = "b", asgi = { A = 0 } }\n[override.DATABASES.default]\nX = 1\nY = 1\n'
        "[override.asgi.DATABASES.default]\nX = 2",
    )
    assert app.env.of("ASGI") == {"A": "0", "B": "b"}
    assert app.env.of("WSGI") == {"A": "1", "B": "b"}
    assert app.override.of("ASGI") == {"DATABASES": {"default": {"X": 2, "Y": 1}}}


def test_services_upstreams_processes_and_a_stack_of_ones_own_are_read(tmp_path: Path) -> None:
    app = read(
        tmp_path,
        """
        paths = ["/"]
        services = [{ postgres = ["default", "trac"] }, "redis", "slow-api"]
        [upstream.rates]
        delay_ms = { median = 80, p99 = 900, seed = 3 }
        json = { rate = 1 }
        [[process]]
        name = "search"
        command = "searchd --port {port}"
        [stack.cherry]
        command = "{bin}/cheroot {wsgi} --bind 127.0.0.1:{port}"
        requirements = ["cheroot>=10"]
        interface = "WSGI"
        waits_with = "threads"
        slots = 20
        """,
    )
    assert (app.databases, app.has_redis, app.has_slow_api) == (("default", "trac"), True, True)
    assert app.upstreams[0].delay.p99_ms == 900
    assert app.processes[0].command == ("searchd", "--port", "{port}")
    assert (app.stacks[0].name, app.stacks[0].server, app.stacks[0].slots) == ("cherry", "cheroot", 20)


def test_a_stack_of_ones_own_has_the_processes_and_slots_that_it_says(tmp_path: Path) -> None:
    command = "command = \"{bin}/x --header '{{a}}' --port {port} {wsgi_callable}\"\nworkers = 2\nslots = 40"
    (two,) = read(tmp_path, OWN + command).stacks
    assert (two.workers, two.slots) == (2, 40)
    assert "processes" in two.tags
    (one,) = read(tmp_path, f'{OWN}command = "x {{port}}"').stacks
    assert (one.workers, one.slots) == (1, None)
    (bare,) = read(tmp_path, OWN.replace('["x"]', "[]") + 'command = "x {port}"\nserver = "y"').stacks
    assert (bare.server, bare.requirements) == ("y", ())


def test_waivers_and_budgets_are_read_a_ceiling_as_a_share(tmp_path: Path) -> None:
    app = read(
        tmp_path,
        f'{WAIVER}at_most = "8.5 %"\nuntil = 2026-12-31\nstack = "uvicorn"\n'
        '[[waive]]\nreason = "slow disk"\nat_most = "20%"\nuntil = 2027-01-01\nfigure = "p95"\nworkload = "pages"\n'
        "[budget]\ninstructions = 9\nmemory = 80.5",
    )
    assert app.waivers == (
        Waiver(at_most=0.085, until=date(2026, 12, 31), reason="known", stack="uvicorn"),
        Waiver(at_most=0.2, until=date(2027, 1, 1), reason="slow disk", figure="p95", workload="pages"),
    )
    assert app.budgets == {"instructions": 9, "memory": 80.5}


def test_what_a_gate_can_judge_are_figures_that_are_compared() -> None:
    units = {metric.name: metric.unit.removeprefix("/") for metric in METRICS}
    assert set(app_keys.GATED) < units.keys()
    assert all(units[name] in says or name == "holds" for name, says in app_keys.GATED.items())


def test_the_schema_describes_every_key() -> None:
    described = app_keys.schema()["properties"]
    assert set(described) == set(app_keys.APP.keys)
    assert all(one["description"] for one in described.values())
    assert described["request"]["items"]["required"] == ["path"]
