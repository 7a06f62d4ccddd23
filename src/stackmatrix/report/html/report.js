"use strict";
// Draws what was chosen. Text from results only ever becomes text: textContent here, SVG text in the charts.

const DATA = JSON.parse(document.getElementById("data").textContent);
const CHARTS = JSON.parse(document.getElementById("charts").textContent);
const REFERENCE_LEVEL = "users=10";
const NOTHING = "–";
const ONE_TRIAL_SHARE = 0.15; // of the machines so far: what the same cell differs by from one trial to the next
const ERRORS_ONLY = 1; // Vega warns of every chart of which a layer is empty
const byId = (id) => document.getElementById(id);
const views = new Map();
const chosen = { machine: 0, workload: 0, stacks: new Set(), pythons: new Set(), slo: String(DATA.headline), percentile: "p95", level: "", inFlight: "" };

function make(tag, text = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const number = (value, digits = 1) => (value === null || value === undefined ? NOTHING : value.toFixed(digits));
const unique = (values) => [...new Set(values)];
const machine = () => DATA.machines[chosen.machine];
const workload = () => machine().workloads[chosen.workload];
const cells = () => workload().cells.filter((cell) => chosen.stacks.has(cell.stack) && chosen.pythons.has(cell.python));
const levelOf = (cell, name) => cell.levels.find((level) => level.name === name);
const series = (cell) => `${cell.stack} ${cell.python}`;

// Controls

function fill(select, options, value) {
  select.replaceChildren(...options.map(([key, text]) => make("option", text, { value: key })));
  if (options.some(([key]) => key === value)) select.value = value;
  return select.value;
}

function boxes(container, names, set, label) {
  container.replaceChildren(
    ...names.map((name) => {
      const input = make("input", "", { type: "checkbox", name: label, value: name });
      input.checked = set.has(name);
      input.addEventListener("change", () => {
        if (input.checked) set.add(name);
        else set.delete(name);
        draw();
      });
      return make("label", "", {}, input, ` ${name}`);
    }),
  );
}

function choices() {
  const known = workload().cells;
  const stacks = unique(known.map((cell) => cell.stack));
  const pythons = unique(known.map((cell) => cell.python));
  if (!stacks.some((name) => chosen.stacks.has(name))) chosen.stacks = new Set(stacks);
  // Lines of every Python would hide each other: the newest is where to begin.
  if (!pythons.some((name) => chosen.pythons.has(name))) chosen.pythons = new Set([newest(known)]);
  boxes(byId("stacks"), stacks, chosen.stacks, "stack");
  boxes(byId("pythons"), pythons, chosen.pythons, "python");
  const levels = unique(known.flatMap((cell) => cell.levels.map((level) => level.name)));
  const preferred = levels.find((name) => name === `rate=${workload().compareRate}`) ?? levels.at(-1);
  chosen.level = fill(byId("level"), levels.map((name) => [name, name]), levels.includes(chosen.level) ? chosen.level : preferred);
  const counts = unique(known.flatMap((cell) => cell.instructions.map((one) => String(one.inFlight))));
  chosen.inFlight = fill(byId("inflight"), counts.map((count) => [count, count]), counts.includes(chosen.inFlight) ? chosen.inFlight : counts[0]);
}

function newest(known) {
  const measured = known.filter((cell) => cell.plateau !== null || cell.cost || cell.instructions.length);
  const key = (python) => python.split(".").map((part) => parseInt(part, 10));
  const versions = unique((measured.length ? measured : known).map((cell) => cell.python));
  return versions.sort((a, b) => key(b)[0] - key(a)[0] || key(b)[1] - key(a)[1])[0];
}

function controls() {
  const on = (id, change) => byId(id).addEventListener("change", (event) => (change(event.target.value), draw()));
  fill(byId("machine"), DATA.machines.map((one, place) => [String(place), one.name]), "0");
  fill(byId("slo"), DATA.slos.map((slo) => [String(slo), `p99 within ${slo} ms`]), chosen.slo);
  const workloads = () => fill(byId("workload"), machine().workloads.map((one, place) => [String(place), `${one.name}: ${one.summary}`]), "0");
  on("machine", (value) => {
    Object.assign(chosen, { machine: Number(value), workload: 0, stacks: new Set(), pythons: new Set() });
    workloads();
    choices();
  });
  on("workload", (value) => {
    chosen.workload = Number(value);
    choices();
  });
  on("slo", (value) => (chosen.slo = value));
  on("percentile", (value) => (chosen.percentile = value));
  on("level", (value) => (chosen.level = value));
  on("inflight", (value) => (chosen.inFlight = value));
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  workloads();
  choices();
}

// The answer and the ranking

const capacity = (cell) => cell.capacity[chosen.slo];

/** Ranks among the stacks on one Python, shared where nothing tells them apart. */
function rankBy(name, some) {
  const family = workload().families.find((one) => one.name === name && one.rank.length);
  const ranks = new Map();
  for (const cell of some) {
    const found = family?.rank.find((one) => one.stack === cell.stack && one.python === cell.python);
    if (found) ranks.set(cell, found.rank);
  }
  return ranks;
}

function answer() {
  const some = cells().filter((cell) => cell.plateau !== null || capacity(cell) || cell.cost);
  const sentences = [];
  const searched = some.filter((cell) => capacity(cell)?.state === "found");
  if (!some.length) sentences.push("Nothing was measured of what is chosen.");
  else if (searched.length) {
    const best = searched.reduce((one, other) => (capacity(other).rate > capacity(one).rate ? other : one));
    const ties = searched.filter((cell) => cell !== best && !isBeaten(`capacity_${chosen.slo}`, [cell, capacity(cell)], [best, capacity(best)])).map(series);
    const tied = ties.length ? ` It cannot be told from ${ties.join(", ")}.` : "";
    sentences.push(`Most visitors with p99 within ${chosen.slo} ms: ${series(best)}, ${capacity(best).text} arrivals/s.${tied}`);
    const missing = some.length - some.filter((cell) => capacity(cell)).length;
    if (missing) sentences.push(`Of ${missing} of the ${some.length} chosen cells the capacity was not searched.`);
  } else {
    const measured = some.filter((cell) => cell.plateau !== null);
    const unknown = measured.filter((cell) => cell.limiter === "users");
    if (!measured.length) sentences.push("How much load it holds was not measured here.");
    const seen = (unknown.length < measured.length ? measured.filter((cell) => cell.limiter !== "users") : measured).map((cell) => [cell, highest(cell)]);
    if (seen.length) sentences.push(`The capacity under a latency objective was not searched here. The highest throughput of a closed loop is ${leaders("plateau", seen, 1, "requests/s")}.`);
    if (unknown.length) sentences.push(`Their users were the limit of ${unknown.map(series).join(", ")}: how much these can do was not seen.`);
  }
  const beside = cells().filter((cell) => cell.cost).map((cell) => [cell, cell.cost]);
  const costed = some.map((cell) => [cell, levelOf(cell, REFERENCE_LEVEL)?.cpu]).filter(([, cpu]) => cpu);
  if (beside.length) sentences.push(`The lowest CPU time of a request, measured side by side, is ${leaders("cost", beside, -1, "ms", 2)}.`);
  else if (costed.length) sentences.push(`The lowest CPU time of a request, at 10 users, is ${leaders("cpu", costed, -1, "ms", 2)}.`);
  sentences.push(newerPython(some), belief(some));
  byId("sentences").replaceChildren(...sentences.filter(Boolean).map((text) => make("p", text)));
}

/** Whether it is worse than the best for sure: by rank on the same Python, else by intervals that do not meet. */
function isBeaten(name, [cell, one], [best, two]) {
  const ranks = rankBy(name, [cell, best]);
  if (cell.python === best.python && ranks.size === 2) return ranks.get(cell) > ranks.get(best);
  const isKnown = [one, two].every((each) => each.low !== null && each.high !== null);
  return isKnown && (one.high < two.low || one.low > two.high);
}

/** The closed level with the most throughput. */
function highest(cell) {
  const closed = cell.levels.filter((level) => level.users !== null && level.rps);
  return closed.reduce((one, other) => (other.rps.mid > one.rps.mid ? other : one)).rps;
}

/** The best figure, and what cannot be told from it: where one trial means nothing, or that is not worse for sure. */
function leaders(name, pairs, sign, unit, digits = 1) {
  const [first, best] = pairs.reduce((one, other) => (sign * other[1].mid > sign * one[1].mid ? other : one));
  const few = pairs.some(([, one]) => one.n < DATA.blocksToClaim) && !rankBy(name, pairs.map(([cell]) => cell)).size;
  const isNear = ([cell, one]) => (few ? Math.abs(one.mid / best.mid - 1) <= ONE_TRIAL_SHARE : !isBeaten(name, [cell, one], [first, best]));
  const near = pairs.filter((pair) => pair[0] !== first && isNear(pair)).map(([cell]) => series(cell));
  const why = few ? `within ${ONE_TRIAL_SHARE * 100} % of it, so not to be told apart` : "not to be told from it";
  return `${number(best.mid, digits)} ${unit}, of ${series(first)}${near.length ? `; ${why}: ${near.join(", ")}` : ""}`;
}

/** What was compared of the cost: the surest that there is. */
function costFamily() {
  const found = ["cost", "cpu"].map((name) => workload().families.find((one) => one.name === name && one.paired));
  return found.find(Boolean) ?? { compared: [] };
}

function newerPython(some) {
  const names = new Set(some.map((cell) => cell.stack));
  const words = costFamily().compared.filter((one) => one.kind === "python" && names.has(one.stack) && one.word !== "not enough blocks");
  if (!words.length) return "Whether a newer Python helps was not measured in blocks here.";
  const byWord = Map.groupBy(words, (one) => one.says);
  const verdicts = [...byWord].map(([says, some]) => `${says}: ${some.map((one) => `${one.stack} on ${one.python} (against ${one.against.replace("Python ", "")})`).join(", ")}`);
  return `Does a newer Python help? By CPU per request, ${verdicts.join("; ")}.`;
}

function belief(some) {
  const least = Math.min(...some.map((cell) => Math.max(cell.blocks, cell.cost?.n ?? 0)).filter((blocks) => blocks > 0));
  if (!Number.isFinite(least)) return "";
  if (least < DATA.blocksToClaim) return `Can it be believed? The cells have ${least === 1 ? "one trial" : `${least} blocks`} each, fewer than the ${DATA.blocksToClaim} that a claim needs: differences under about 15 % mean nothing.`;
  return `Can it be believed? Each cell was measured in ${least} blocks and more; what differs for sure is below, and the rest is undecided.`;
}

function ranking() {
  const some = cells();
  const byCapacity = some.some((cell) => capacity(cell));
  const by = [[`capacity_${chosen.slo}`, "capacity"], ["plateau", "plateau"], ["cost", "CPU per request side by side"], ["cpu", "CPU per request"]];
  const [name, title] = by.find(([name]) => rankBy(name, some).size) ?? by[0];
  const ranks = rankBy(name, some);
  const worth = (cell) => (byCapacity ? capacity(cell)?.rate ?? -1 : cell.plateau ?? -1);
  const cost = (cell) => cell.cost?.mid ?? levelOf(cell, REFERENCE_LEVEL)?.cpu?.mid ?? Infinity;
  const byCost = name === "cost" || name === "cpu";
  const rows = [...some].sort((one, other) => (byCost ? cost(one) - cost(other) : worth(other) - worth(one)));
  const heads = [["rank"], ["stack"], ["Python"], [`arrivals/s with p99 within ${chosen.slo} ms`], ["plateau, req/s", 1], ["limited by"], ["p95 above the floor, ms", 1], ["CPU ms/request", 1], ["instructions, million", 1], ["memory, MB", 1], ["valid of blocks", 1], ["data"]];
  const any = some.some((cell) => cell.cost);
  if (any) heads.splice(8, 0, ["CPU ms, side by side", 1]);
  const lines = rows.map((cell) => {
    const reference = levelOf(cell, REFERENCE_LEVEL);
    const counted = cell.instructions.find((one) => String(one.inFlight) === chosen.inFlight);
    const texts = [
      ranks.has(cell) ? String(ranks.get(cell)) : NOTHING, cell.stack, cell.python, capacity(cell)?.text ?? "not searched",
      cell.plateau === null ? (cell.levels.length || cell.state !== "ok" ? cell.state : NOTHING) : cell.plateauText, cell.limiter ?? NOTHING, number(levelOf(cell, `rate=${workload().compareRate}`)?.overhead?.mid),
      number(reference?.cpu?.mid, 2), number(counted?.mid, 2), number(cell.memory?.mid, 0), reference ? `${reference.n} of ${reference.of}` : NOTHING,
    ];
    if (any) texts.splice(8, 0, number(cell.cost?.mid, 2));
    return { cell, texts };
  });
  // What was measured of no cell has no column.
  const isShown = heads.map((_, place) => place < 4 || place === heads.length - 1 || lines.some(({ texts }) => texts[place] !== NOTHING));
  const body = lines.map(({ cell, texts }) => {
    const items = texts.flatMap((text, place) => (isShown[place] ? [make("td", text, heads[place][1] ? { class: "number" } : {})] : []));
    items.push(make("td", "", {}, make("a", "JSON", { href: cell.data })));
    return make("tr", "", {}, ...items);
  });
  const head = make("tr", "", {}, ...heads.filter((_, place) => isShown[place]).map(([text, right]) => make("th", text, right ? { class: "number", scope: "col" } : { scope: "col" })));
  byId("ranking").replaceChildren(make("thead", "", {}, head), make("tbody", "", {}, ...body));
  byId("ranking-note").textContent = ranks.size
    ? `Ranks by ${title}, among the stacks on one Python, shared where nothing tells them apart. p95 at ${workload().compareRate} arrivals/s, CPU at 10 users; medians over the valid blocks.`
    : `Nothing was claimed that would rank these: sorted by the figure alone. p95 at ${workload().compareRate} arrivals/s, CPU at 10 users; medians over the valid blocks.`;
}

// Charts

function rowsOf(figure, pick) {
  return cells().flatMap((cell) =>
    cell.levels.filter((level) => pick(level) !== null && level[figure]).map((level) => ({
      stack: cell.stack, python: cell.python, series: series(cell), users: level.users, rate: level.rate, ...level[figure],
      limiter: level.limiter, blocks: `${level.n} of ${level.of}`,
    })),
  );
}

function invalidRows(pick) {
  return cells().flatMap((cell) =>
    cell.levels.filter((level) => level.state === "invalid" && pick(level) !== null).map((level) => ({
      stack: cell.stack, python: cell.python, level: level.name, users: level.users, rate: level.rate, why: level.remarks.join(" "),
    })),
  );
}

const costRows = (pick, unit) =>
  cells().flatMap((cell) => {
    const found = pick(cell);
    return found ? [{ stack: cell.stack, python: cell.python, mid: found.mid, low: found.low, high: found.high, blocks: `${found.n} ${unit}` }] : [];
  });

const DRAWN = {
  throughput() {
    const rows = rowsOf("rps", (level) => level.users);
    const top = Math.max(0, ...rows.map((row) => row.high)) * 1.1;
    const floor_s = (workload().floor ?? 600) / 1000;
    const most = Math.min(top * floor_s, Math.max(0, ...rows.map((row) => row.users)));
    return { throughput: rows, bound: rows.length ? [{ users: 0, mid: 0 }, { users: most, mid: most / floor_s }] : [], invalid: invalidRows((level) => level.users) };
  },
  latency() {
    const rows = rowsOf(chosen.percentile, (level) => level.rate);
    const floor = workload().floor;
    return { latency: rows, floor: rows.length && floor ? [{ ms: floor, what: "the slowest call" }] : [], invalid: invalidRows((level) => level.rate) };
  },
  distribution: () => ({
    distribution: cells().flatMap((cell) => {
      const level = levelOf(cell, chosen.level);
      return (level?.distribution ?? []).map((point) => ({
        stack: cell.stack, python: cell.python, series: series(cell), place: 100 / (100 - point.q), percentile: `${point.q} %`, ms: point.ms, blocks: `${level.n} of ${level.of}`,
      }));
    }),
  }),
  answered: () => course(),
  seconds: () => course(),
  beside: () => ({ beside: costRows((cell) => cell.cost, "blocks") }),
  cpu: () => ({ cpu: costRows((cell) => levelOf(cell, REFERENCE_LEVEL)?.cpu, "blocks") }),
  instructions: () => ({ instructions: costRows((cell) => cell.instructions.find((one) => String(one.inFlight) === chosen.inFlight), "repeats") }),
  memory: () => ({ memory: costRows((cell) => cell.memory, "blocks") }),
};

function course() {
  let window = [];
  const rows = cells().flatMap((cell) => {
    const timeline = levelOf(cell, chosen.level)?.timeline;
    if (!timeline) return [];
    window = [{ from: 0, to: timeline.window }];
    return timeline.answered.map((answered, place) => ({ stack: cell.stack, python: cell.python, series: series(cell), second: timeline.from + place, answered, p95: timeline.p95[place] }));
  });
  return { timeline: rows, window };
}

async function update(name) {
  const place = document.querySelector(`[data-chart="${name}"]`);
  const data = DRAWN[name]();
  const isEmpty = Object.entries(data).every(([key, rows]) => key === "window" || !rows.length);
  place.classList.toggle("empty", isEmpty);
  if (isEmpty) {
    views.get(name)?.finalize();
    views.delete(name);
    place.replaceChildren(make("p", "Nothing of what is chosen was measured for this chart.", { class: "note" }));
    return;
  }
  if (!views.has(name)) {
    const holder = make("div", "", { style: "width:100%" });
    place.replaceChildren(holder);
    const embedded = await vegaEmbed(holder, { ...CHARTS[name], datasets: data }, { actions: false, renderer: "svg", logLevel: ERRORS_ONLY, tooltip: { theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light" } });
    views.set(name, embedded.view);
    return;
  }
  const view = views.get(name);
  for (const [key, rows] of Object.entries(data)) view.data(key, rows);
  await view.resize().runAsync();
}

const seen = new Set();
const pending = new Map();

/** One after the other for each chart: a view must not be given data while it is being made. */
function redraw(name) {
  const next = (pending.get(name) ?? Promise.resolve()).then(() => update(name)).catch((error) => console.error(name, error));
  pending.set(name, next);
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const name = entry.target.dataset.chart;
      if (entry.isIntersecting && !seen.has(name)) {
        seen.add(name);
        redraw(name);
      }
    }
  },
  { rootMargin: "400px" },
);

// Verdicts, findings, environment

const SIGNS = { faster: "▲", slower: "▼", same: "=", undecided: "?" };

function verdicts() {
  // Of the capacities, that under the chosen objective.
  const families = workload().families.filter((one) => !one.name.startsWith("capacity_") || one.name === `capacity_${chosen.slo}`);
  const parts = [];
  if (!families.length) parts.push(make("p", `Nothing was measured in several blocks here: with fewer than ${DATA.blocksToClaim} nothing is called different.`));
  for (const [kind, title] of [["stack", `Each stack against ${DATA.reference}, on the same Python`], ["python", "Each Python against the one before"]]) {
    const columns = families.filter((family) => family.compared.some((one) => one.kind === kind));
    const rows = unique(columns.flatMap((family) => family.compared.filter((one) => one.kind === kind && chosen.stacks.has(one.stack)).map((one) => `${one.stack}\n${one.python}\n${one.against}`)));
    if (!rows.length) continue;
    const head = make("tr", "", {}, ...["stack", "Python", "against", ...columns.map((family) => family.title + (family.paired ? "" : " (unpaired)"))].map((text) => make("th", text, { scope: "col" })));
    const body = rows.map((key) => {
      const [stack, python, against] = key.split("\n");
      const items = columns.map((family) => {
        const one = family.compared.find((each) => each.kind === kind && each.stack === stack && each.python === python && each.against === against);
        if (!one) return make("td", NOTHING);
        const kindOf = one.word === "faster" ? "better" : one.word === "slower" ? "worse" : "quiet";
        return make("td", "", { title: `p ${one.p}, ${one.blocks} blocks` }, make("div", `${SIGNS[one.word] ?? "·"} ${one.says}`, { class: kindOf }), make("div", `${one.effect}, n ${one.blocks}`, { class: "quiet" }));
      });
      return make("tr", "", {}, ...[stack, python, against].map((text) => make("td", text)), ...items);
    });
    parts.push(make("h3", title), make("div", "", { class: "wide", tabindex: "0", role: "region", "aria-label": title }, make("table", "", {}, make("thead", "", {}, head), make("tbody", "", {}, ...body))));
  }
  if (families.length) {
    parts.push(make("p", "Ratios (or differences in ms) with 95 % intervals. ▲ better and ▼ worse for sure, = surely within the margin, ? undecided.", { class: "note" }));
    parts.push(make("ul", "", {}, ...families.flatMap((family) => [family.explanation, ...family.ranks]).map((text) => make("li", text, { class: "note" }))));
  }
  byId("verdicts").replaceChildren(...parts);
}

function findings() {
  const lines = [];
  for (const cell of cells()) {
    if (cell.state !== "ok") lines.push(`${series(cell)}: ${cell.state}, ${cell.reason ?? ""}`);
    for (const remark of cell.costRemarks) lines.push(`${series(cell)}, side by side: ${remark}`);
    for (const level of cell.levels) {
      if (level.state === "not needed") continue;
      for (const remark of level.remarks) lines.push(`${series(cell)}, ${level.name}${level.state === "invalid" ? " (invalid)" : ""}: ${remark}`);
      if (level.failures) lines.push(`${series(cell)}, ${level.name}: ${level.failures} requests failed`);
    }
  }
  const all = [...DATA.leftOut.map((text) => `Left out: ${text}`), ...machine().remarks, ...lines];
  byId("findings").replaceChildren(all.length ? make("ul", "", {}, ...all.map((text) => make("li", text))) : make("p", "None."));
}

function environment() {
  const one = machine();
  const facts = [one.description, one.pinned, ...one.builds, one.packages.join(", "), ...one.runs];
  const each = cells().filter((cell) => cell.environment).map((cell) =>
    make("details", "", {}, make("summary", `${series(cell)}: ${cell.environment.python}, ${cell.environment.build}`), make("p", "", {}, make("code", cell.environment.command)), make("p", cell.environment.packages.join(", "))),
  );
  byId("environment").replaceChildren(make("ul", "", {}, ...facts.filter(Boolean).map((text) => make("li", text))), ...each);
}

function notes() {
  byId("cost-note").textContent = "Medians over the valid blocks, at 10 users; the thin line is their range. CPU time is of the whole process tree, less what it uses at rest.";
  byId("beside").hidden = !workload().cells.some((cell) => cell.cost);
  const any = workload().cells.some((cell) => cell.instructions.length);
  byId("inflight").closest(".row").hidden = !any;
  const has = { levels: workload().cells.some((cell) => cell.levels.length), instructions: any };
  for (const place of document.querySelectorAll("[data-needs]")) place.hidden = !has[place.dataset.needs];
  byId("instructions-note").textContent = any ? "User-space instructions under callgrind: they repeat whatever the machine does, and do not see the kernel or waiting." : "";
}

function draw() {
  answer();
  ranking();
  notes();
  verdicts();
  findings();
  environment();
  for (const name of seen) redraw(name);
}

if (DATA.machines.length) {
  controls();
  draw();
  for (const place of document.querySelectorAll("[data-chart]")) watcher.observe(place);
} else {
  document.querySelector("main").replaceChildren(make("p", "There are no results yet: nox -s matrix makes some."));
}
