// Draws what the address names. All words, roundings and verdicts are in the data. Text from results only ever becomes
// text: textContent here, SVG text in the charts.

const DATA = JSON.parse(document.getElementById("data").textContent);
const CHARTS = JSON.parse(document.getElementById("charts").textContent);
const ERRORS_ONLY = 1; // Vega warns of every chart of which a layer is empty
const NARROWEST_PX = 240;
const BAR_PX = 20;
const ROW_PX = 26;
const LABEL_SHARE = 0.42; // of a chart's width, for names beside an axis
const AXIS_PX = 42; // of height below a chart
const STRIP_AXIS_PX = 48; // of width beside the strips of a ramp
const ALL = "all"; // in the address: every stack
const PYTHON = "Python"; // the heading of its column
const NO_BREAK = "\u00a0";
const byId = (id) => document.getElementById(id);
const unique = (values) => [...new Set(values)];

function make(tag, text = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The state is the address, and nothing else: every view has a link, and back and forward work by themselves.

const asked = () => new URLSearchParams(location.hash.slice(1));

/** The address with some of its parts changed; `null` removes a part, an array repeats it. */
function address(change) {
  const parts = asked();
  for (const [name, value] of Object.entries(change)) {
    parts.delete(name);
    for (const one of value === null ? [] : [value].flat()) parts.append(name, one);
  }
  return `#${parts}`;
}

function go(change) {
  const now = read();
  const { at, figure, set, number, stacks, pythons } = now;
  // What a link has brought into view stays there when something else is chosen.
  const shown = at ? { figure: figure?.name ?? null, set: set?.name ?? null, ramp: number ?? null, stack: written("stack", [...stacks], now), python: [...pythons] } : {};
  history.pushState(null, "", address({ ...shown, at: null, ...change }));
  draw();
}

const named = (some, name) => some.find((one) => one.name === name) ?? some[0];

/** What the address chooses. What `at` points to is shown, whatever else is chosen. */
function read() {
  const parts = asked();
  const machine = named(DATA.machines, parts.get("machine"));
  const workload = named(machine.workloads, parts.get("workload"));
  const at = parts.get("at");
  const all = { stack: unique(workload.cells.map((cell) => cell.stack)), python: unique(workload.cells.map((cell) => cell.python)) };
  // Until others are chosen, charts show those of many stacks that the first page has, and tables show all.
  const first = { stack: all.stack.filter((one) => !workload.first.length || workload.first.includes(one)), python: all.python };
  const isNamed = (name, one) => parts.getAll(name).some((each) => each === one || each === ALL);
  const some = (name) => new Set(parts.has(name) ? all[name].filter((one) => isNamed(name, one)) : first[name]);
  const stacks = some("stack");
  const pythons = some("python");
  let figure = named(workload.figures, parts.get("figure"));
  let set = parts.get("set");
  let number = Number(parts.get("ramp"));
  for (const one of workload.figures) {
    const found = at && one.comparisons.find((each) => each.key === at);
    if (!found) continue;
    [figure, set] = [one, found.set];
    for (const cell of [found.cell, found.other]) {
      stacks.add(cell.stack);
      pythons.add(cell.python);
    }
  }
  const ramp = at && workload.ramps.find((each) => each.key === at);
  if (ramp) {
    number = ramp.number;
    stacks.add(ramp.stack);
    pythons.add(ramp.python);
  }
  const isChosen = (cell) => stacks.has(cell.stack) && pythons.has(cell.python);
  const isListed = (cell) => (parts.has("stack") ? isChosen(cell) : pythons.has(cell.python));
  const numbers = unique(workload.ramps.map((each) => each.number));
  if (!numbers.includes(number)) number = numbers[0];
  const sets = figure?.sets ?? [];
  return { machine, workload, all, first, isListed, stacks, pythons, figure, set: named(sets, set), sets, number, numbers, at, isChosen };
}

// Parts of the page

const link = (key, what) => make("a", "#", { class: "anchor", href: address({ at: key }), "aria-label": `Link to ${what}` });
const items = (id, texts) => byId(id).replaceChildren(...texts.map((text) => make("li", text)));

function fill(id, options, value) {
  const select = byId(id);
  select.replaceChildren(...options.map((one) => make("option", one.title, { value: one.name })));
  select.value = value;
  select.closest("label").hidden = options.length < 2;
}

/** A choice as the address has it: nothing for what is shown at first, and one word for all. */
function written(name, chosen, now) {
  if (String(chosen) === String(now.first[name])) return null;
  if (chosen.length === now.all[name].length) return ALL;
  return chosen.length ? chosen : "";
}

/** A link to all stacks, or back to those that are shown at first, where these are not all. */
function every(now) {
  const [all, first] = [now.all.stack.length, now.first.stack.length];
  const isAll = now.stacks.size === all;
  const link = make("a", isAll ? `only ${first}` : `all ${all}`, { href: address({ at: null, stack: isAll ? null : ALL }) });
  byId("every").replaceChildren(...(first < all ? [link] : []));
}

function boxes(id, name, now, sign) {
  const chosen = now[id];
  const focused = document.activeElement?.closest(`#${id}`) && document.activeElement.value;
  byId(id).replaceChildren(
    ...now.all[name].map((one) => {
      const input = make("input", "", { type: "checkbox", name, value: one });
      input.checked = chosen.has(one);
      input.addEventListener("change", () => {
        const next = now.all[name].filter((each) => (each === one ? input.checked : chosen.has(each)));
        go({ [name]: written(name, next, now) });
      });
      return make("label", "", {}, input, ...sign(one), ` ${one}`);
    }),
  );
  if (focused) [...byId(id).querySelectorAll("input")].find((one) => one.value === focused)?.focus();
}

function controls(now) {
  fill("machine", DATA.machines.map((one) => ({ name: one.name, title: one.name })), now.machine.name);
  fill("workload", now.machine.workloads, now.workload.name);
  fill("figure", now.workload.figures, now.figure?.name);
  fill("set", now.sets, now.set?.name);
  fill("ramp", now.numbers.map((one) => ({ name: String(one), title: String(one) })), String(now.number));
  boxes("stacks", "stack", now, (one) => [make("span", DATA.looks[one].sign, { style: `color:${DATA.looks[one].colour}`, "aria-hidden": "true" })]);
  boxes("pythons", "python", now, () => []);
  every(now);
}

/** A statement, with its number where it has one. */
function statement(one) {
  const number = one.number === null ? {} : { value: one.number };
  const evidence = one.evidence ? [make("a", "evidence", { href: one.evidence })] : [];
  return make("li", "", { "data-key": one.key, ...number }, make("b", one.lead), ` ${one.text} `, ...evidence, NO_BREAK, link(one.key, "this sentence"));
}

function answer(now) {
  byId("about").textContent = now.machine.about;
  const told = (isFolded) => now.machine.statements.filter((one) => one.folded === isFolded).map(statement);
  const more = byId("further");
  byId("statements").replaceChildren(...told(false));
  more.querySelector("ol").replaceChildren(...told(true));
  more.querySelector("summary").textContent = now.machine.further;
  more.hidden = !more.querySelector("li");
  byId("void").textContent = now.workload.void ?? "";
  byId("void").hidden = !now.workload.void;
}

/** Fill a table and the notes below it; returns how many rows of what is chosen it has. */
function table(id, { heads, rows, notes }, now) {
  const kind = (place) => ({ class: `${heads[place].number ? "number" : ""} ${heads[place].leads ? "leads" : ""}`.trim() });
  // A column that says the same in every row only takes room.
  const places = [...heads.keys()].filter((place) => heads[place].text !== PYTHON || now.all.python.length > 1);
  const head = make("tr", "", {}, ...places.map((place) => make("th", heads[place].text, { scope: "col", ...kind(place) })));
  const body = rows.filter(now.isListed).map((row) => {
    const cells = places.map((place) => {
      const text = row.texts[place];
      const leads = heads[place].leads ? [make("a", text, { href: row.data }), NO_BREAK, link(row.key, `${row.stack} ${row.python}`)] : [text];
      return make("td", "", kind(place), ...leads);
    });
    return make("tr", "", { "data-key": row.key }, ...cells);
  });
  byId(id).replaceChildren(make("thead", "", {}, head), make("tbody", "", {}, ...body));
  items(`${id}-notes`, notes);
  return body.length;
}

function ranking(now) {
  table("ranking", now.workload.ranking, now);
}

function stops(now) {
  byId("deploy").hidden = !table("stops", now.workload.stops, now);
}

const look = (cell) => ({ ...DATA.looks[cell.stack], dash: DATA.dashes[cell.python] });

function figures(now) {
  const { figure } = now;
  byId("figures").hidden = !figure;
  const values = figure?.values.filter(now.isChosen).map((one) => ({ ...one, ...look(one) })) ?? [];
  const compared = figure?.comparisons.filter((one) => one.set === now.set?.name && now.isChosen(one.cell) && now.isChosen(one.other)) ?? [];
  const differences = compared.map((one) => ({ ...one, ...look(one.cell) }));
  for (const part of ["explanation", "values-title", "differences-title", "forming-note"]) byId(part).textContent = figure?.[part] ?? "";
  show("values", values.length && chart("values", { values }, figure["values-title"], values.length * BAR_PX));
  show("differences", compared.length && chart("differences", { differences, band: [figure.band] }, figure["differences-title"], compared.length * ROW_PX));
  byId("forming").replaceChildren(
    ...compared.map((one) => {
      const looks = one.looks.map((each) => ({ ...each, title: one.title, ...look(one.cell) }));
      const drawing = looks.length ? [chart("forming", { looks, band: [figure.band] }, one.title)] : [];
      return card(one, ...drawing);
    }),
  );
}

function earlier(now) {
  const shown = now.figure?.history.filter(now.isChosen) ?? [];
  byId("history-note").textContent = now.machine.history;
  byId("history-title").textContent = shown.length ? now.figure["history-title"] : "";
  byId("courses").replaceChildren(
    ...shown.map((one) => {
      const points = one.points.map((each) => ({ ...each, title: one.title, ...look(one) }));
      return card(one, chart("history", { points }, `${one.title}, ${now.figure.title}, over time`));
    }),
  );
}

function card(one, ...children) {
  const words = one.says.map((text, place) => make("p", text, { class: place ? "note" : one.word ?? "" }));
  return make("figure", "", { "data-key": one.key, class: "card" }, make("figcaption", "", {}, make("h3", `${one.title} `, {}, link(one.key, one.title)), ...words), ...children);
}

function ramps(now) {
  const shown = now.workload.ramps.filter((one) => one.number === now.number && now.isChosen(one));
  byId("ramps").replaceChildren(
    ...shown.map((one) => {
      const seconds = one.seconds.offered.map((offered, second) => {
        const { answered, inFlight, p50 } = one.seconds;
        return { second, offered, answered: answered[second], inFlight: inFlight[second], p50: p50[second], ...look(one) };
      });
      return card(one, chart("ramp", { seconds, moments: one.moments, limits: [now.workload.limits] }, one.title));
    }),
  );
}

function distribution(now) {
  const shown = now.workload.distributions.filter(now.isChosen);
  const rows = shown.flatMap((one) => one.points.map((point) => ({ ...point, title: one.title, series: one.title, ...look(one) })));
  byId("distribution-note").textContent = now.workload.distributionNote;
  byId("legend").replaceChildren(
    ...shown.map((one) => {
      const { colour, sign, dash } = look(one);
      const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      for (const [name, value] of Object.entries({ width: 34, height: 12, "aria-hidden": "true" })) line.setAttribute(name, value);
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      for (const [name, value] of Object.entries({ d: "M0 6H34", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash })) path.setAttribute(name, value);
      line.append(path);
      return make("li", "", {}, line, make("span", sign, { style: `color:${colour}`, "aria-hidden": "true" }), ` ${one.title}`);
    }),
  );
  show("distribution", rows.length && chart("distribution", { distribution: rows }, now.workload.distributionNote));
}

function rest(now) {
  items("remarks", [...DATA.leftOut, ...now.workload.remarks]);
  items("conditions", now.machine.conditions);
  byId("served").hidden = !now.workload.cells.some(now.isChosen);
  byId("environments").replaceChildren(
    ...now.workload.cells.filter((cell) => now.isChosen(cell) && cell.environment.length).map((cell) =>
      make("div", "", { class: "card" }, make("h3", cell.title), ...cell.environment.map((text) => make("p", text, { class: "mono" })))),
  );
}

// Charts: each is drawn when it comes near the screen, and kept as long as it shows the same.

const kept = new Map();
let used = new Set();

function show(id, drawing) {
  byId(id).replaceChildren(...(drawing ? [drawing] : []));
}

/** A place that holds a chart with this data, drawn already or when it will be seen; `height` where rows make it. */
function chart(name, data, label, height) {
  const key = JSON.stringify([name, data]);
  used.add(key);
  if (!kept.has(key)) {
    const place = make("div", "", { class: "chart", "data-chart": name, role: "img", "aria-label": label });
    if (height) place.style.minHeight = `${height + AXIS_PX}px`; // what comes below does not move when it is drawn
    kept.set(key, { place, name, data, height, view: null });
    watcher.observe(place);
  }
  return kept.get(key).place;
}

async function embed(one) {
  const spec = structuredClone(CHARTS[one.name]);
  const width = Math.max(NARROWEST_PX, one.place.clientWidth);
  if (spec.vconcat) for (const strip of spec.vconcat) strip.width = width - STRIP_AXIS_PX;
  else Object.assign(spec, { width, height: one.height ?? spec.height });
  spec.config.axis.labelLimit = LABEL_SHARE * width;
  const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const options = { actions: false, renderer: "svg", logLevel: ERRORS_ONLY, tooltip: { theme } };
  const { view } = await vegaEmbed(one.place, { ...spec, datasets: one.data }, options);
  one.view = view;
}

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const one = [...kept.values()].find((each) => each.place === entry.target);
      if (!entry.isIntersecting || !one) continue;
      watcher.unobserve(entry.target);
      embed(one).catch((error) => console.error(one.name, error));
    }
  },
  { rootMargin: "400px" },
);

function forget(isGone) {
  for (const [key, one] of kept) {
    if (!isGone(key)) continue;
    watcher.unobserve(one.place);
    one.view?.finalize();
    kept.delete(key);
  }
}

// The whole

function draw() {
  const now = read();
  used = new Set();
  for (const part of [controls, answer, ranking, figures, earlier, ramps, distribution, stops, rest]) part(now);
  forget((key) => !used.has(key));
}

/** Scroll to what the address points to, and mark it. */
function arrive() {
  const { at } = read();
  for (const one of document.querySelectorAll(".target")) one.classList.remove("target");
  const place = at && document.querySelector(`[data-key="${CSS.escape(at)}"]`);
  if (!place) return;
  place.closest("details")?.setAttribute("open", "");
  place.classList.add("target");
  place.scrollIntoView({ block: "center" });
}

function start() {
  byId("page").hidden = false;
  const on = (id, change) => byId(id).addEventListener("change", (event) => go(change(event.target.value)));
  on("machine", (machine) => ({ machine, workload: null, stack: null, python: null, figure: null, set: null, ramp: null }));
  for (const name of ["workload", "figure", "set", "ramp"]) on(name, (value) => ({ [name]: value }));
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is the state
    byId("answer").focus();
  });
  addEventListener("hashchange", () => {
    draw();
    arrive();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // a phone's bars come and go
    width = innerWidth;
    forget(() => true);
    draw();
  });
  draw();
  arrive();
}

if (DATA.machines.length) start();
else byId("none").hidden = false;
