"use strict";
// The page asks this host alone, for the two resources of the API. A stage of API Gateway may come before them, and the
// address of the page may lack the slash at its end.
const BASE = location.pathname.replace(/\/?$/, "/");
const STORED = "openl2m-stats-token";
const LEAST_SECONDS = 10, MOST_SECONDS = 300, HISTORY_SECONDS = 300, TIMEOUT_SECONDS = 35, DAY = 86400000;

const $ = (id) => document.getElementById(id);
// Digits are written as the reader's language writes them, words in the page's own.
const WORDS = navigator.languages.find((each) => /^en\b/.test(each)) ?? "en-GB";
const number = new Intl.NumberFormat();
const signed = new Intl.NumberFormat(undefined, { signDisplay: "exceptZero" });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayAndTime = new Intl.DateTimeFormat(WORDS, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(WORDS, { style: "short" });
const dayFormat = (options) => new Intl.DateTimeFormat(WORDS, { ...options, timeZone: "UTC" });
const longDay = dayFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const shortDay = dayFormat({ day: "numeric", month: "short" });
const month = dayFormat({ month: "short", year: "numeric" });

const state = {
  token: null,
  chosen: null, // the number in the chart, "section.key"
  days: 30,
  document: null, // the last numbers that were read
  readAt: null, // when, by the server's clock
  age: 0, receivedAt: 0, // how old they were when they arrived, and when that was by ours
  history: null, // {days, values: {"section.key": […]}, backfilled: Set}
  noHistory: "", // why there is none
  historyDue: 0,
  failures: 0,
  due: null, timer: null,
  position: null, // the day that the chart's cursor is on
};
let session = 0, historyAsked = 0, today = Date.now();

// ---- The token. A browser that forbids storage gets one that lasts until the next reload.

function store(token) {
  state.token = token;
  try {
    if (token) sessionStorage.setItem(STORED, token);
    else sessionStorage.removeItem(STORED);
  } catch { /* forbidden */ }
}

function stored() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function signIn(event) {
  event.preventDefault();
  const token = $("token").value.trim().replace(/^token\s+/i, "");
  if (!/^[0-9a-f]{40}$/.test(token)) {
    refuse(token ? "This is not a token: a token has 40 digits, 0 to 9 and a to f." : "Enter a token.");
    return;
  }
  $("token-error").textContent = "";
  store(token);
  session += 1;
  refresh();
}

function refuse(why) {
  $("token-error").textContent = why;
  $("token").setAttribute("aria-invalid", "true");
  $("token").focus();
  $("token").select();
}

function signOut(why) {
  clearTimeout(state.timer);
  session += 1;
  store(null);
  Object.assign(state, { document: null, readAt: null, history: null, noHistory: "", historyDue: 0, failures: 0, due: null });
  for (const id of ["sections", "focus-label", "focus-value", "change", "chart", "rows"]) $(id).replaceChildren();
  $("numbers").hidden = $("session").hidden = true;
  $("login").hidden = false;
  tell("", "");
  if (why) refuse(why);
  else {
    $("token").value = "";
    $("token").focus();
  }
}

// ---- Asking the API

async function ask(path, cache) {
  return fetch(BASE + path, {
    headers: { Authorization: `Token ${state.token}` },
    cache, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
  });
}

async function refresh() {
  clearTimeout(state.timer);
  state.due = null;
  const asked = session;
  document.body.classList.add("busy");
  let answer = null, content = null;
  try {
    answer = await ask("api/stats/", "no-store");
    if (answer.ok) content = await answer.json();
  } catch { /* no answer, or none that can be read */ }
  if (asked !== session) return;
  document.body.classList.remove("busy");
  if (answer?.status === 401) {
    signOut(state.document ? "The token is no longer accepted. Enter another." : "This token is not accepted.");
    return;
  }
  if (Object.keys(content?.database ?? {}).length) show(answer, content);
  else fail(answer);
  if (Date.now() >= state.historyDue) loadHistory();
}

function show(answer, content) {
  const age = Number(answer.headers.get("Age")) || 0;
  const lifetime = Number(/max-age=(\d+)/.exec(answer.headers.get("Cache-Control"))?.[1] ?? 60);
  const stale = age > lifetime || /detail=stale/.test(answer.headers.get("Cache-Status"));
  const readAt = Date.parse(answer.headers.get("Last-Modified"));
  today = Date.parse(answer.headers.get("Date")) || Date.now();
  Object.assign(state, { age, receivedAt: Date.now(), document: content, readAt: readAt || Date.now() - age * 1000 });
  state.failures = stale ? state.failures + 1 : 0;
  const first = !$("login").hidden;
  $("token").value = "";
  $("login").hidden = true;
  $("numbers").hidden = $("session").hidden = false;
  if (stale) tell("stale", "The database is out of reach. These are the last numbers that were read.");
  else tell("", "");
  drawNumbers();
  if (first) $("focus-label").focus();
  schedule(stale ? patience() : Math.max(LEAST_SECONDS, lifetime - age));
}

function fail(answer) {
  state.failures += 1;
  const wait = Math.max(Number(answer?.headers.get("Retry-After")) || 0, patience());
  const what = !answer ? "The API cannot be reached."
    : answer.status === 503 ? "The statistics cannot be read at the moment."
    : answer.status === 429 ? "The API gets too many requests."
    : answer.ok ? "What the API answers cannot be read."
    : `The API answers with an error (${answer.status}).`;
  const kept = state.document ? " These are the last numbers that were read." : "";
  tell("away", `${what}${kept} Next try at ${clock.format(Date.now() + wait * 1000)}.`);
  $("session").hidden = false;
  $("login").hidden = true;
  schedule(wait);
}

const patience = () => Math.min(LEAST_SECONDS * 2 ** (state.failures - 1), MOST_SECONDS);

function schedule(seconds) {
  state.due = Date.now() + seconds * 1000;
  clearTimeout(state.timer);
  if (!document.hidden) state.timer = setTimeout(refresh, seconds * 1000);
}

// A page that nobody sees asks for nothing.
function onVisibility() {
  clearTimeout(state.timer);
  if (!document.hidden && state.due) schedule(Math.max(0, (state.due - Date.now()) / 1000));
}

async function loadHistory() {
  const asked = (historyAsked += 1), within = session;
  state.historyDue = Infinity;
  const day = (ago) => new Date(today - ago * DAY).toISOString().slice(0, 10);
  let answer = null, content = null;
  try {
    answer = await ask(`api/stats/history/?from=${day(state.days - 1)}&to=${day(0)}`, "no-cache");
    if (answer.ok) content = await answer.json();
  } catch { /* told below */ }
  if (asked !== historyAsked || within !== session) return;
  let next = HISTORY_SECONDS;
  if (content) {
    const values = {};
    for (const section of Object.keys(state.document ?? {}))
      for (const [key, entry] of Object.entries(content[section] ?? {})) values[`${section}.${key}`] = entry.values;
    state.history = { days: content.days, values, backfilled: new Set(content.backfilled) };
    state.noHistory = "";
  } else {
    const kept = state.history?.days.length === state.days;
    if (!kept) state.history = null;
    next = answer?.status === 404 ? 3600 : Number(answer?.headers.get("Retry-After")) || 60;
    state.noHistory = kept ? ""
      : answer?.status === 404 ? "There are no trends: no snapshots are kept here."
      : "The history cannot be read at the moment. The trends appear as soon as it can.";
  }
  state.historyDue = Date.now() + next * 1000;
  drawTrends();
}

// ---- What it says of itself

function tell(kind, text) {
  document.body.classList.toggle("stale", kind === "stale");
  document.body.classList.toggle("away", kind === "away");
  $("state").textContent = kind === "stale" ? "Stale" : kind === "away" ? "No answer" : "Up to date";
  if ($("notice").textContent !== text) $("notice").textContent = text;
  drawAge();
}

function drawAge() {
  $("read").hidden = !state.readAt;
  if (!state.readAt) return;
  const seconds = Math.round(state.age + (Date.now() - state.receivedAt) / 1000);
  const [amount, unit] = seconds < 60 ? [seconds, "second"] : seconds < 7200 ? [Math.round(seconds / 60), "minute"]
    : [Math.round(seconds / 3600), "hour"];
  const at = new Date(state.readAt), time = $("read").querySelector("time");
  if (time.dateTime !== at.toISOString()) {
    [time.dateTime, time.title] = [at.toISOString(), at.toUTCString()];
    time.textContent = (Date.now() - at > DAY / 2 ? dayAndTime : clock).format(at);
  }
  $("ago").textContent = relative.format(-amount, unit);
}

// ---- The numbers

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shape(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawNumbers() {
  const names = Object.entries(state.document).flatMap(([section, keys]) => Object.keys(keys).map((key) => `${section}.${key}`));
  if (!names.includes(state.chosen)) state.chosen = names[0];
  const tiles = [...document.querySelectorAll(".tile")];
  if (tiles.map((tile) => tile.dataset.name).join() !== names.join()) buildTiles();
  for (const tile of document.querySelectorAll(".tile")) {
    tile.querySelector(".value").textContent = number.format(entry(tile.dataset.name).value);
  }
  drawTrends();
}

function entry(name) {
  const [section, key] = name.split(".");
  return state.document[section][key];
}

function buildTiles() {
  const sections = Object.entries(state.document).map(([section, keys]) => {
    let row = "";
    const items = Object.entries(keys).map(([key, { label }]) => {
      const tile = element("button", { type: "button", class: "tile", "data-name": `${section}.${key}` },
        element("span", { class: "label" }, label), " ", element("span", { class: "value" }),
        shape("svg", { viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" }));
      tile.addEventListener("click", () => choose(tile.dataset.name));
      // The windows of what is counted stand beside each other, the same ones below each other.
      const [, counted, span] = /^(.+)_(last_hour|today|last_7_days|last_31_days|total)$/.exec(key) ?? [];
      const first = counted !== undefined && counted !== row;
      row = counted;
      return element("li", { class: `${first ? "first " : ""}${span ?? ""}` }, tile);
    });
    const id = `section-${section}`, title = section[0].toUpperCase() + section.slice(1);
    return element("section", { "aria-labelledby": id }, element("h2", { id }, title), element("ul", {}, ...items));
  });
  $("sections").replaceChildren(...sections);
}

function choose(name) {
  state.chosen = name;
  remember();
  drawTrends();
  if ($("focus").getBoundingClientRect().bottom < 150) $("focus").scrollIntoView();
}

// The address says what is shown, so that it can be kept as a bookmark; it never holds the token.
function remember() {
  history.replaceState(null, "", `#${state.chosen},${state.days}`);
}

function recall() {
  const found = /^#(\w+\.\w+),(30|90|366)$/.exec(location.hash);
  if (found) [state.chosen, state.days] = [found[1], Number(found[2])];
  for (const input of document.querySelectorAll("[name=days]")) input.checked = Number(input.value) === state.days;
}

// ---- The trends

// A series as SVG paths: a line through the days that were recorded, one through those that were backfilled, and dots.
// A day without a value is a gap, and a day between two gaps a dot.
function paths(values, x, y) {
  const made = { line: "", told: "", dot: "" };
  const told = (index) => state.history.backfilled.has(state.history.days[index]);
  const place = (index) => `${x(index).toFixed(1)} ${y(values[index]).toFixed(1)}`;
  const known = (index) => values[index] !== null && values[index] !== undefined;
  let last = null;
  for (let index = 0; index < values.length; index += 1) {
    if (!known(index)) {
      last = null;
    } else if (known(index - 1)) {
      const kind = told(index) || told(index - 1) ? "told" : "line";
      made[kind] += `${kind === last ? "" : `M${place(index - 1)}`}L${place(index)}`;
      last = kind;
    } else if (!known(index + 1)) {
      made.dot += `M${place(index)}h.01`;
    }
  }
  return Object.entries(made).filter(([, d]) => d).map(([kind, d]) => shape("path", { class: kind, d }));
}

function extent(values) {
  const known = values.filter((value) => value !== null);
  return [Math.min(...known), Math.max(...known)];
}

const hasValues = (values) => Boolean(values?.some((value) => value !== null));

function drawTrends() {
  if (!state.document) return;
  for (const tile of document.querySelectorAll(".tile")) {
    tile.setAttribute("aria-pressed", String(tile.dataset.name === state.chosen));
    const values = state.history?.values[tile.dataset.name];
    if (!hasValues(values)) {
      tile.lastChild.replaceChildren();
      continue;
    }
    const [low, high] = extent(values);
    const x = (index) => (values.length > 1 ? (index / (values.length - 1)) * 100 : 50);
    const y = (value) => (high > low ? 25 - ((value - low) / (high - low)) * 22 : 14);
    tile.lastChild.replaceChildren(...paths(values, x, y));
  }
  $("sections").className = !state.history ? "plain" : state.days > 90 ? "dense" : "";
  const { label, value } = entry(state.chosen);
  $("focus-label").textContent = label;
  $("focus-value").textContent = number.format(value);
  const values = state.history?.values[state.chosen];
  const drawable = hasValues(values);
  $("trend").hidden = !drawable;
  $("no-history").hidden = drawable || !(state.noHistory || state.history);
  $("no-history").textContent = state.noHistory || "There is no history of this number in these days.";
  if (state.history && !Object.values(state.history.values).some(hasValues))
    $("no-history").textContent = "There is no history of these days yet. Every day adds a point.";
  $("change").textContent = "";
  if (!drawable) return;
  const first = values.findIndex((each) => each !== null), last = values.findLastIndex((each) => each !== null);
  if (last > first) $("change").textContent = `${signed.format(values[last] - values[first])} since ${longDay.format(dayOf(first))}`;
  const marked = state.history.days.some((day, index) => values[index] !== null && state.history.backfilled.has(day));
  $("legend").hidden = !marked;
  $("legend").replaceChildren(
    shape("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, shape("path", { class: "told", d: "M1 4h26" })),
    "Dotted: backfilled from OpenL2M’s log. These numbers can be too low.");
  drawChart();
  drawTable();
}

const dayOf = (index) => Date.parse(`${state.history.days[index]}T00:00:00Z`);

// Round numbers for the axis, three to six of them. Zero is among them unless that would flatten the line.
function scale(values) {
  let [low, high] = extent(values);
  if (low > 0 && low < high * 0.6) low = 0;
  if (low === high) [low, high] = [Math.max(0, low - 2), high + 2];
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((each) => each * power >= rough) * power);
  const ticks = [];
  for (let tick = Math.floor(low / step) * step; tick < high + step; tick += step) ticks.push(tick);
  return ticks;
}

let plot = null;

function drawChart() {
  const values = state.history.values[state.chosen], count = values.length;
  const { clientWidth: width, clientHeight: height } = $("chart");
  if (!width) return;
  const ticks = scale(values), low = ticks[0], high = ticks.at(-1);
  const names = ticks.map((tick) => (high >= 1e6 ? compact : number).format(tick));
  const left = 12 + 7.5 * Math.max(...names.map((name) => name.length)), right = width - 10, top = 12, bottom = height - 28;
  const x = (index) => (count > 1 ? left + (index / (count - 1)) * (right - left) : (left + right) / 2);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  ticks.forEach((tick, index) => svg.append(
    shape("line", { class: "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
    shape("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, names[index])));
  const labels = Math.max(2, Math.min(count, Math.floor((right - left) / 100)));
  for (let each = 0; each < labels && count > 1; each += 1) {
    const index = Math.round((each * (count - 1)) / (labels - 1));
    const anchor = each === 0 ? "start" : each === labels - 1 ? "end" : "middle";
    svg.append(shape("text", { class: "tick", x: x(index), y: height - 8, "text-anchor": anchor },
      (count > 180 ? month : shortDay).format(dayOf(index))));
  }
  if (low === 0) svg.append(...areas(values, x, y, bottom)); // an area says how much there is, from nothing up
  svg.append(...paths(values, x, y));
  const cursor = shape("g");
  svg.append(cursor);
  $("chart").replaceChildren(svg);
  $("chart").setAttribute("aria-valuemin", "0");
  $("chart").setAttribute("aria-valuemax", String(count - 1));
  plot = { values, x, y, left, right, top, bottom, width, cursor };
  drawCursor();
}

function areas(values, x, y, bottom) {
  const made = [];
  for (let start = 0, end; start < values.length; start = end + 1) {
    for (end = start; end < values.length && values[end] !== null; end += 1);
    if (end - start < 2) continue;
    const line = values.slice(start, end).map((value, index) => `${x(start + index).toFixed(1)} ${y(value).toFixed(1)}`);
    made.push(shape("path", { class: "area", d: `M${x(start)} ${bottom}L${line.join("L")}L${x(end - 1)} ${bottom}z` }));
  }
  return made;
}

function words(index) {
  const value = plot.values[index];
  const told = state.history.backfilled.has(state.history.days[index]);
  return { day: longDay.format(dayOf(index)), text: value === null ? "no value" : number.format(value), note: told && value !== null ? ", backfilled" : "" };
}

function drawCursor() {
  const last = plot.values.findLastIndex((value) => value !== null);
  const index = Math.min(state.position ?? last, plot.values.length - 1);
  const { day, text, note } = words(index);
  $("chart").setAttribute("aria-valuenow", String(index));
  $("chart").setAttribute("aria-valuetext", `${day}: ${text}${note}`);
  plot.cursor.replaceChildren();
  if (state.position === null) return;
  const { x, y, top, bottom, left, right, values } = plot, at = x(index);
  plot.cursor.append(shape("line", { class: "cursor", x1: at, x2: at, y1: top, y2: bottom }));
  if (values[index] !== null) plot.cursor.append(shape("circle", { class: "point", cx: at, cy: y(values[index]), r: 5 }));
  const below = `${day}${note}`, room = 24 + 6.6 * Math.max(below.length, text.length * 1.4);
  const start = Math.max(left, Math.min(at - room / 2, right - room));
  const above = values[index] === null || y(values[index]) > top + 64 ? top : bottom - 52;
  plot.cursor.append(shape("g", { class: "tip" },
    shape("rect", { x: start, y: above, width: room, height: 46, rx: 8 }),
    shape("text", { class: "number", x: start + 12, y: above + 20 }, text),
    shape("text", { x: start + 12, y: above + 36 }, below)));
}

function moveTo(index) {
  state.position = index === null ? null : Math.max(0, Math.min(index, plot.values.length - 1));
  drawCursor();
}

function onPointer(event) {
  const share = (event.clientX - $("chart").getBoundingClientRect().left - plot.left) / (plot.right - plot.left);
  moveTo(Math.round(share * (plot.values.length - 1)));
}

function onKey(event) {
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7, Home: -Infinity, End: Infinity };
  if (event.key === "Escape") moveTo(null);
  if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  moveTo((state.position ?? plot.values.findLastIndex((value) => value !== null)) + steps[event.key]);
}

function drawTable() {
  if (!$("table").open) return;
  const { days, values, backfilled } = state.history;
  const rows = days.map((day, index) => {
    const value = values[state.chosen][index];
    const source = value === null ? "–" : backfilled.has(day) ? "backfilled" : "snapshot";
    return element("tr", {}, element("td", {}, day), element("td", {}, value === null ? "–" : number.format(value)), element("td", {}, source));
  });
  $("rows").replaceChildren(...rows.reverse());
}

// ---- The start

$("login").addEventListener("submit", signIn);
$("token").addEventListener("input", () => $("token").removeAttribute("aria-invalid"));
$("forget").addEventListener("click", () => signOut(""));
$("refresh").addEventListener("click", () => { if (!document.body.classList.contains("busy")) refresh(); });
$("table").addEventListener("toggle", drawTable);
$("chart").addEventListener("pointermove", onPointer);
$("chart").addEventListener("pointerdown", onPointer);
$("chart").addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") moveTo(null); });
$("chart").addEventListener("keydown", onKey);
$("chart").addEventListener("focus", () => { if (state.position === null && $("chart").matches(":focus-visible")) moveTo(plot.values.findLastIndex((value) => value !== null)); });
$("chart").addEventListener("blur", () => moveTo(null));
for (const input of document.querySelectorAll("[name=days]")) {
  input.addEventListener("change", () => {
    state.days = Number(input.value);
    state.position = null;
    remember();
    loadHistory();
  });
}
document.addEventListener("visibilitychange", onVisibility);
addEventListener("hashchange", () => {
  recall();
  if (!state.document) return;
  drawNumbers();
  loadHistory();
});
new ResizeObserver(() => { if (state.history && !$("trend").hidden) drawChart(); }).observe($("chart"));
setInterval(() => { if (!document.hidden) drawAge(); }, 1000);
recall();
store(stored());
if (state.token) refresh();
else signOut("");
