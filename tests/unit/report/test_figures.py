"""Every figure of the README's top is recomputed from the result files by other means, and no figure is left over."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.matrix.causes import CAUSES, Cause
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report import markdown, verdicts
from stackmatrix.results import store
from stackmatrix.system.processes import PROJECT
from tests.made_up import make_results, write
from tests.recomputed import (
    T_975,
    Evidence,
    Text,
    both,
    ends,
    geometric,
    key_of,
    mean,
    places,
    quantile,
    ranged,
    span,
)

# What it costs


def in_short(text: Text, known: Evidence, workload: str) -> None:
    """The stack that is named is beaten by none of those that compare; each size is that of a group or a verdict."""
    python = re.findall(r"on Python ([\d.]+\d) ", text.left)[0]
    reference = next(
        iter({one["other"]["stack"] for one in known.verdicts.values() if one["other"]["stack"] == REFERENCE})
    )
    plain = {stack: one for stack, one in known.against(workload, python, reference).items() if not one["caution"]}
    page = WORKLOADS.get(workload)
    few = {stack for stack, row in STACKS.items()
           if page and row.slots and page.compare_rate * page.unloaded_ms / 1000 > 0.8 * row.slots}  # fmt: skip
    comparable = {reference, *plain} - few
    worse: dict[str, str] = {}
    for (figure, of, stack, on, beside, other, before), one in known.verdicts.items():
        pair = (figure, of, on, beside, before)
        if pair == ("cpu", workload, python, workload, python) and {stack, other} <= comparable:
            worse |= {stack: other} if one["word"] == "worse" else {other: stack} if one["word"] == "better" else {}
    best = re.findall(r"on Python [\d.]+\d (?:[^.;]*?\((\w+)\)|(\w+)) costs the least", text.left)[0]
    stack = best[0] or best[1]
    ties = comparable - {*worse} - {stack}
    assert stack in comparable - {*worse}
    if ties:
        told = re.findall(r"; (.*?) may cost as little", text.left)[0]
        assert told == f"{len(ties)} others" if len(ties) > 3 else set(re.split(r", | and ", told)) == ties
        text.take(told)
    text.left = text.left.replace(STACKS[stack].summary, "")
    if stack != reference:
        text.take(f"it costs {known.percent('cpu', (workload, stack, python), (workload, reference, python))}")
    for way in {row.way for row in STACKS.values()} - {STACKS[reference].way}:
        of_way = [one for name, one in plain.items() if STACKS[name].way == way and name in comparable]
        if of_way and {one["word"] for one in of_way} == {"worse"}:
            told = re.findall(rf"{way} (?:costs )?(\d.*?\))", text.left)[0]
            assert told == known.grouped(workload, of_way)
            text.take(told)
    if trials := known.stops.get((workload, stack, python)):
        lost, late = stopped(trials)[2]
        end = f", and loses {lost} of {late} who come meanwhile." if lost else "."
        text.take(f"{stack} answers {fate(trials)} in flight{end}")
    for newer, older in re.findall(r"([\d.]+\d) against ([\d.]+\d) costs it", text.left):
        text.take(f"costs it {known.percent('cpu', (workload, stack, newer), (workload, stack, older))}")


REFERENCE = "gunicorn_100_threads"


def alone(text: Text, known: Evidence, _: str) -> None:
    workload, stack = re.findall(r"of (\w+) with (\w+):", text.left)[0]
    for python in re.findall(r"ms on ([\d.]+\d)", text.left):
        text.take(f"{geometric(known.costs[workload, stack, python, None].values())} ms on {python}")


def stacks(text: Text, known: Evidence, workload: str) -> None:
    python, reference = re.findall(r" on ([\d.]+\d), against (\w+) with", text.left)[0]
    text.take(f"with {geometric(known.costs[workload, reference, python, None].values())} ms")
    every = known.against(workload, python, reference)
    plain = [one for one in every.values() if not one["caution"]]
    decided = [one for one in plain if one["word"] != "undecided"]
    text.take_counts({"undecided": len(plain) - len(decided), "with a caution": len(every) - len(plain)})
    if len(every) > FEW:
        for way, word in product({row.way for row in STACKS.values()}, ("better", "same", "worse")):
            some = [one for one in decided if (STACKS[one["cell"]["stack"]].way, one["word"]) == (way, word)]
            if some:
                who = some[0]["cell"]["stack"] if len(some) == 1 else f"{len(some)} stacks"
                text.take(f"{known.grouped(workload, some)} with {who}")
        return
    for one in decided:
        told = known.percent("cpu", key_of(one["cell"]), key_of(one["other"]))
        text.take(f"{one['cell']['stack']} {told}")
    for older in re.findall(r"Otherwise on ([\d.]+\d):", text.left):
        for stack in known.against(workload, older, reference):
            told = f"{stack} {known.percent('cpu', (workload, stack, older), (workload, reference, older))}"
            text.left = text.left.replace(told, "")


def pythons(text: Text, known: Evidence, workload: str) -> None:
    for newer, older in re.findall(r"([\d.]+\d) against ([\d.]+\d)", text.left):
        changes = defaultdict(list)
        for (figure, of, stack, on, _, other, before), one in known.verdicts.items():
            if (figure, of, on, before, other) == ("cpu", workload, newer, older, stack) and not one["caution"]:
                changes[one["word"]].append(one)
        for word in {*changes} - {"undecided"}:
            some, every = changes[word], {key[1] for key in known.costs if key[0] == workload and not key[3]}
            who = "all " if len(some) == len(every) else ""
            many = f"{who}{len(some)} stacks" if who or len(some) > 3 else ""
            text.take(f"{known.grouped(workload, some)} with {many}")


def own(text: Text, known: Evidence, stack: str) -> None:
    """The parts of two stacks: means of blocks, and of the differences of the same blocks."""
    bare, python, reference = re.findall(r"any call \((\w+)\) .* ms on ([\d.]+\d), .* (?:than|as) (\w+): ", text.left)[
        0
    ]
    cause = next(one for one in CAUSES if one.beside == bare)
    costs = {name: np.asarray(list(known.costs[bare, name, python, None].values())) for name in (stack, reference)}
    added = {name: np.asarray([one - two for one, two in both(known, cause, name, python)]) for name in costs}
    text.take(f"costs {mean(costs[stack])} ms")
    told = known.percent("cpu", (bare, stack, python), (bare, reference, python))
    text.take(told.replace("more (", "more CPU (").replace("less (", "less CPU ("))
    extra = costs[stack].mean() - costs[reference].mean()
    share = extra / (extra + added[stack].mean() - added[reference].mean())
    text.take(f"about {100 * share:.0f} % of" if 0 < share < 1 else "nothing of" if share <= 0 else "all of")
    text.take(f"{mean(added[stack])} ms, against {mean(added[reference])}")


def changes(text: Text, known: Evidence, workload: str) -> None:
    python = re.findall(r" on ([\d.]+\d), against", text.left)[0]
    rows = {name: row.varies for name, row in STACKS.items() if row.varies}
    every = {name: known.against(workload, python, varies.stack).get(name) for name, varies in rows.items()}
    found = {name: one for name, one in every.items() if one}
    words: dict[str, int] = defaultdict(int)
    told = set(re.findall(r" \((\w+)\)", text.left)) & {*found}
    for name, one in found.items():
        if name not in told:
            words["with a caution" if one["caution"] else "undecided" if one["word"] == "undecided" else "decided"] += 1
    for name in told:
        percent = known.percent("cpu", (workload, name, python), (workload, rows[name].stack, python))
        text.take(f"{percent} with {rows[name].by} ({name})")
    asked = {name for name, varies in rows.items() if varies.is_asked_for and name in found}
    assert {name for name in asked if not found[name]["caution"]} <= told
    least = min((abs(math.log(found[name]["effect"])) for name in told - asked), default=0.0)
    assert all(abs(math.log(one["effect"])) <= least for name, one in found.items()
               if one["word"] != "undecided" and not one["caution"] and name not in told)  # fmt: skip
    text.take_counts(words)


def causes(text: Text, known: Evidence, _: str) -> None:
    """A cause is known by its words; its size with the stack that is named before it, and the range with the others."""
    for told in re.split(r"(?=With \w+ on )", text.left):
        if told:
            causes_with(text, known, told, *re.findall(r"With (\w+) on ([\d.]+\d) ", told)[0])
    if "Further: " in text.left:
        lead = next(one.lead for one in CAUSES if f"{one.what} cost" in text.left)
        decided = {
            one.title
            for one in CAUSES
            for workload, stack, python, control in known.costs
            if one.lead == lead and (workload, control) == (one.workload, None) and size_of(known, one, stack, python)
        }
        text.take(f"Further: {len(decided) - 2} decided")


def causes_with(text: Text, known: Evidence, told: str, stack: str, python: str) -> None:
    for cause in CAUSES:
        names = [name for of, name, on, control in known.costs if (of, on, control) == (cause.workload, python, None)]
        sizes = {name: one for name in names if (one := size_of(known, cause, name, python))}
        if stack in sizes and f"{cause.what} cost" in told and f" {cause.than}" in told:
            text.take(sizes.pop(stack)[1])
            others = [mid for mid, _ in sizes.values()]
            if others:
                digits = 2 if cause.beside is None or min(others) < 1.2 else 1
                unit = "ms" if cause.beside is None else "times"
                text.take(f"{span(others, digits)} {unit} with {len(others)} other")


def size_of(known: Evidence, cause: Cause, stack: str, python: str) -> tuple[float, str] | None:
    """What a cause costs, and as it stands in a sentence, where it is decided: of the same blocks with and without."""
    if cause.beside is None:
        values = list(known.costs[cause.workload, stack, python, None].values())
        return (float(np.mean(values)), f"cost {mean(values)} ms") if len(values) >= 3 else None
    one = known.verdicts.get(("cpu", cause.workload, stack, python, cause.beside, stack, python))
    if one is None or one["word"] == "undecided":
        return None
    logs = np.asarray([np.log(with_it / without) for with_it, without in both(known, cause, stack, python)])
    if len(logs) < 3:  # the means are compared, which has tests of its own
        mid, low, high = one["effect"], one["low"], one["high"]
    else:
        half = T_975[len(logs) - 1] * np.std(logs, ddof=1) / np.sqrt(len(logs))
        mid, low, high = np.exp([logs.mean(), logs.mean() - half, logs.mean() + half])
    percent = [100 * (each - 1) for each in (mid, low, high)]
    if one["word"] == "same":
        return mid, f"same within 3 % {ends(*percent[1:])}"
    if mid >= 2:
        return mid, f"{mid:.1f} times ({low:.1f} to {high:.1f})"
    shown = percent if mid > 1 else [-percent[0], -percent[2], -percent[1]]
    return mid, f"{shown[0]:.{places(*shown)}f} % {'more' if mid > 1 else 'less'} CPU {ends(*shown[1:], shown[0])}"


def cautions(text: Text, known: Evidence, workload: str) -> None:
    """Of those with a caution the largest differences are named, and the others counted."""
    for python, reference in re.findall(r"on ([\d.]+\d) against (\w+)", text.left):
        every = known.against(workload, python, reference)
        named = {
            stack: f"{stack} {known.percent('cpu', (workload, stack, python), (workload, reference, python))}"
            for stack in every
        }
        told = [stack for stack, words in named.items() if words in text.left]
        for stack in told:
            assert every[stack]["caution"]
            text.take(named[stack])
        more = sum(bool(one["caution"]) and one["word"] != "undecided" for one in every.values()) - len(told)
        text.left = text.left.replace(f" and {more} more", "") if len(told) == 3 else text.left


# Under load


def visitors(text: Text, known: Evidence, workload: str) -> None:
    loads = {
        stack: found
        for (of, stack, _), ramps in known.ramps.items()
        if of == workload and (found := [ramp["reference"] for ramp in ramps if ramp["reference"]])
    }
    text.take(f"At {next(iter(loads.values()))[0]['rate']:g} arrivals/s")
    medians = [quantile(found, 50) for found in loads.values()]
    text.take(f"waits {span(medians)} ms")
    if null := known.nulls.get(workload):
        base = quantile([ramp["reference"] for ramp in null], 50)
        text.take(f"{span([one - base for one in medians])} ms longer")
    enough = [found for found in loads.values()
              if sum(load["requests"] - sum(load["failures"].values()) for load in found) >= 200]  # fmt: skip
    if enough:
        text.take(f"wait {span([quantile(found, 95) for found in enough])} ms or more")


def holds(text: Text, known: Evidence, workload: str) -> None:
    ramps = {key: found for key, found in known.ramps.items() if key[0] == workload and found}
    held = {
        key: [ramp["holds"] for ramp in found] for key, found in ramps.items() if any(ramp["holds"] for ramp in found)
    }
    slots = {key for key in held if "slots" in {ramp["limiter"] for ramp in ramps[key]}}
    by_cpu = {key: median(values) for key, values in held.items() if key not in slots}
    digits = 1 if min(by_cpu.values()) < 10 else 0
    who = f"{len(by_cpu)} stacks hold" if len(by_cpu) > 1 else f"{next(iter(by_cpu))[1]} holds"
    text.take(f"{who} {span(by_cpu.values(), digits)} arrivals/s of {workload}")
    pairs = [one for (figure, *_), one in known.verdicts.items()
             if figure == "holds" and {key_of(one["cell"]), key_of(one["other"])} <= {*by_cpu}]  # fmt: skip
    decided = sum(one["word"] != "undecided" for one in pairs)
    if pairs:
        text.take(f"({decided or 'none'} of {len(pairs)} difference{'s' * (len(pairs) > 1)} decided)")
    for key in slots:
        busy = [step["cpu_share"] for ramp in ramps[key] for step in ramp["steps"] if step["rate"] == ramp["holds"]]
        text.take(f"to {ranged(held[key])}/s (its core {100 * median(busy):.0f} % busy)")
    seconds = {
        key[1]: [ramp["recovery"]["seconds"] for ramp in found if ramp["recovery"]] for key, found in ramps.items()
    }
    back = [name for name, found in seconds.items() if found and None not in found]
    never = [found for found in seconds.values() if None in found]
    if back:
        named, told = re.findall(r"overload (.*?) comes? back in ([\d. to]+) s", text.left)[0]
        assert named == f"{len(back)} stacks" if len(back) > 3 else set(re.split(r", | and ", named)) == {*back}
        ends = [second for name in back for second in seconds[name]]
        assert told == span(ends, int(min(ends) < 1))
        text.take(f"{named} come{'s' if len(back) == 1 else ''} back in {told} s")
    if never:
        missed, driven = sum(found.count(None) for found in never), sum(map(len, never))
        watched = next(iter(ramps.values()))[0]["recovery"]["watched_s"]
        some = "" if missed == driven else f" in {missed} of {driven} ramps"
        text.take(f"within {watched:g} s{some}")
        text.left = text.left.replace(f"{len(never)} stacks do not", "") if len(never) > 3 else text.left


def fate(trials: list[Any]) -> str:
    """Who was answered of those in flight."""
    answered, every, _ = stopped(trials)
    return "everybody" if answered == every else f"{answered} of {every}" if answered else "nobody"


def stopped(trials: list[Any]) -> tuple[int, int, tuple[int, int]]:
    """Of those in flight at all stops how many were answered, and how many there were; later ones lost, and all."""
    inside = [visitors for trial in trials for visitors in (trial["inside"], trial["queued"])]
    late = [trial["late"] for trial in trials]
    lost = sum(one["wrong"] + one["cut_off"] + one["unanswered"] for one in late)
    every = sum(sum(one.values()) for one in inside)
    return sum(one["answered"] for one in inside), every, (lost, sum(sum(one.values()) for one in late))


def stops(text: Text, known: Evidence, workload: str) -> None:
    python = re.findall(r"in flight on ([\d.]+\d):", text.left)[0]
    stops_of = {stack: known.stops.get((workload, stack, python)) for stack in STACKS}
    found = {stack: trials for stack, trials in stops_of.items() if trials}
    groups = defaultdict(list)
    for stack, trials in found.items():
        told = fate(trials)
        groups["" if " of " in told else told].append(f"{stack} {told}" if " of " in told else stack)
    if known.held_ms:
        text.take(f"held inside the application for {max(known.held_ms)} ms by the harness")
    answered, _, losing = text.left.partition(" Meanwhile ")
    for who, named in groups.items():
        text.left = text.left.replace(
            answered, answered := take_names(answered, named, f" answers? {who}" if who else "")
        )
    lost = [f"{stack} ({one[0]} of {one[1]})" for stack, trials in found.items() if (one := stopped(trials)[2])[0]]
    if lost:
        text.left = text.left.replace(losing, take_names(losing, lost, r"\."))


def take_names(text: str, names: list[str], end: str) -> str:
    """A text without these names, as it has them: all of a few, or the first three and how many more there are."""
    few = names if len(names) <= 3 else [*names[:3], f"{len(names) - 3} more"]
    listed = f"{', '.join(few[:-1])} and {few[-1]}" if len(few) > 1 else few[0]
    assert re.search(re.escape(listed) + end, text), f"{listed!r} is not in {text!r}"
    return text.replace(listed, "", 1)


def undecided(text: Text, known: Evidence, workload: str) -> None:
    """Counts and forecasts are those of the verdicts."""
    if " hold is not yet known: The planted cost" in text.left:
        blocks = {
            len(found) for (of, *_, control), found in known.costs.items() if (of, control) == (workload, "planted")
        }
        text.take(
            f"The planted cost of {100 * (known.planted[workload] - 1):.1f} % was not found in {max(blocks)} blocks"
        )
        return
    found = defaultdict(list)
    for (figure, of, *_), one in known.verdicts.items():
        if of == workload and one["other"]["workload"] == workload:
            found[figure].append(one)
    for figure, every in found.items():
        open_ = [one for one in every if one["word"] == "undecided"]
        if figure == "cpu" and open_:
            text.take(f"of {len(every)} comparisons")
            text.take(f"{len(open_)} {'is' if len(open_) == 1 else 'are'} undecided")
            smallest = max(one["smallest_decidable"] for one in open_ if one["smallest_decidable"] is not None)
            text.take(f"{max(one['blocks'] for one in every)} blocks decide differences of {100 * smallest:.2g} %")
            needed = [one["needed"] for one in open_]
            known_ = [each for each in needed if each is not None]
            text.take(f"{max(known_)} would probably decide" if known_ else "even 16 would")
            some = f" {len(known_)} of" if None in needed and known_ else ""
            text.take(f"{some} these")
        elif open_:
            text.take(f"{figure.replace('_', ' at ')} {len(open_)} of {len(every)}")


# The whole

BY_LEAD = {
    "In short:": in_short,
    "Which stack?": stacks,
    "What does it cost?": alone,
    "Which Python?": pythons,
    "What does one changed thing cost?": changes,
    "Which client?": causes,
    "What costs what?": causes,
    "How are the calls made?": causes,
    "What do visitors feel?": visitors,
    "What does it hold, and does it come back?": holds,
    "What does a deploy do to visitors?": stops,
    "With a caution:": cautions,
    "Not said:": undecided,
}
FEW = 6
"""Stacks, up to which sentences name each of them; more are told by how they wait."""
STATEMENT = r"^(?:(\d+)\. )?\*\*(.*?)\*\* (.*) \(\[evidence\]\((.*)\)\)$"


def check(block: str, known: Evidence) -> set[str]:
    """Take every figure from the statements and the table; whatever has a digit then was not recomputed.

    Returns the leads of the statements.
    """
    found = re.findall(STATEMENT, block, re.MULTILINE)
    numbers = [int(number) for number, *_ in found if number]
    assert numbers == [*range(1, len(numbers) + 1)]
    for _, *statement in found:
        check_statement(known, *statement)
    check_table(known, *table(block))
    return {lead for _, lead, *_ in found}


def check_statement(known: Evidence, lead: str, told: str, link: str) -> None:
    names = sorted({key[0] for key in known.costs}, key=len, reverse=True)
    of_link = (name for name in names if re.search(rf"#{name}(-|$)", link))
    workload = next(iter([*of_link, *(name for name in names if f"of {name} " in told)]), "")
    text = Text(re.sub(r"\\(.)", r"\1", told))
    if lead.startswith("What of "):
        own(text, known, lead.split()[2].removesuffix("'s"))
    elif lead in BY_LEAD:
        BY_LEAD[lead](text, known, workload)
    else:
        assert link.endswith("#not-said"), lead
    assert_recomputed(known, text)


def assert_recomputed(known: Evidence, text: Text) -> None:
    """That no figure is left."""
    names = {name for key in known.costs for name in key if name} | {
        "3.12",
        "3.13",
        "3.14",
        "3.15",
        "HTTP/1.1",
        "urllib3",
    }
    bare = re.sub("|".join(map(re.escape, sorted(names, key=len, reverse=True))), "", text.left)
    assert not re.search(r"\d", bare), f"a figure that was not recomputed: {bare}"


def check_table(known: Evidence, heading: str, *rows: str) -> None:
    """The first page's table: of each workload its newest Python, and its older ones."""
    workload = ""
    heads = [(head.strip().split(" on ")[0], re.findall(r"3\.\d+", head)) for head in heading.split("|")[2:-1]]
    for row in rows:
        stack, *cells = (cell.strip().removesuffix(" ‡") for cell in row.split("|")[1:-1])
        for (of, pythons_of), cell in zip(heads, cells, strict=True):
            is_newest, text = not of.startswith("on "), Text(cell)
            workload = of if is_newest else workload
            for python in pythons_of:
                values = list(known.costs.get((workload, stack, python, None), {}).values())
                text.take(f"{np.exp(np.mean(np.log(values))):.2f}" if values else "–")
                if values and is_newest and stack != REFERENCE:
                    text.take(known.percent("cpu", (workload, stack, python), (workload, REFERENCE, python)))
            assert_recomputed(known, text)


def table(block: str) -> list[str]:
    """Heading and rows of the table."""
    (found,) = re.findall(r"(?:^\|.*\n?)+", block, re.MULTILINE)
    return [line for line in found.splitlines() if "---" not in line]


def page_of(folder: Path, name: str) -> tuple[MachineSummary, str]:
    every = [one for machine, one in store.read_results(folder) if machine == name]
    machine = summarize(name, [one for one in every if not isinstance(one, Exception)])
    return machine, markdown.headline([machine])


def test_every_figure_of_made_up_results_is_recomputed(tmp_path: Path) -> None:
    names = ("uwsgi_2_threads", "uwsgi_100_threads", REFERENCE, "gunicorn_gevent", "uvicorn", "uvicorn_sync_view")
    write(
        tmp_path,
        "m",
        make_results(names, workloads=("fanout_shared_client", "fanout", "no_calls"), blocks=5, stops=True),
    )
    machine, block = page_of(tmp_path, "m")
    (tmp_path / "m" / "verdicts.json").write_bytes(verdicts.encode(machine))
    leads = check(block, Evidence(tmp_path / "m"))
    assert {*BY_LEAD} - {"How are the calls made?", "What does it cost?"} <= leads
    assert "What of uvicorn's cost is uvicorn's?" in leads
    known = Evidence(tmp_path / "m")
    missed = [told for told, statement in altered(block) if is_right(known, *statement)]
    assert missed == []


def is_right(known: Evidence, *statement: str) -> bool:
    try:
        check_statement(known, *statement)
    except (AssertionError, IndexError, KeyError, StopIteration):
        return False
    return True


def altered(block: str) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Statements of which one figure is another: each of their figures but the version of a Python."""
    for _, lead, told, link in re.findall(STATEMENT, block, re.MULTILINE):
        for one in re.finditer(r"(?<![\w.])(?!3\.1\d)(\d+)(?=[ )/.]|$)", told if lead != "Not measured:" else ""):
            changed = f"{told[: one.start()]}{int(one[0]) + 1}{told[one.end() :]}"
            yield changed, (lead, changed, link)


FOLDERS = sorted(
    {path.parents[2] for path in (PROJECT / "results").glob("**/*.json") if len(path.relative_to(PROJECT).parts) > 4}
)
"""Of every machine of the committed results, those of applications among them."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_every_figure_of_committed_results_is_recomputed(folder: Path) -> None:
    check(page_of(folder.parent, folder.name)[1], Evidence(folder))


def test_every_figure_of_the_readme_is_recomputed() -> None:
    _, _, rest = (PROJECT / "README.md").read_text(encoding="utf-8").partition(markdown.BEGIN)
    block, _, _ = rest.partition(markdown.END)
    machine = re.search(r"\]\(results/(.*)/README\.md\);", block)
    assert machine is not None
    check(block, Evidence(PROJECT / "results" / machine[1]))
    for other, workload, told in re.findall(
        r"\*\* From \[other results\]\(results/(.*)/README\.md#(.*)-cpu\): (.*)", block
    ):
        known, text = Evidence(PROJECT / "results" / other), Text(told)
        BY_LEAD["Which Python?"](text, known, workload)
        assert_recomputed(known, text)
