// What the page knows: the catalogue that came with it, the API's answers, and what is shown of them.

const CATALOGUE = JSON.parse($("catalogue").textContent); // {section: {key: [label, what it counts]}}
let counts; // what the number before counts, too
for (const keys of Object.values(CATALOGUE)) for (const each of Object.values(keys)) counts = each[1] ??= counts;
const SPAN = /^(.+)_(last_hour|today|last_7_days|last_31_days|total)$/;

// What a token gave, and what goes with it.
const NOTHING = {
  document: null, // the last numbers that were read
  readAt: null, // when, by the server's clock
  history: null, // {range, days, values: {"section.key": […]}, labels, backfilled: Set, partial, zone}
  noHistory: "", historyProblem: "", // why there is none, or not the range that was chosen
  problem: null, // what is wrong with the last answer
  past: {}, earlier: null, // {1: {at, late, document}, 7: …}, by days ago (late: by how many ms); {key, label, values} of the period before
  failures: 0, due: Infinity, historyDue: Infinity, pastDue: Infinity,
};

const state = {
  ...NOTHING,
  token: null,
  chosen: "", range: "30", // what the reader wants to see: "section.key"; 30, 90, 365, all, or two days
  age: 0, sentAt: 0, // how old the numbers were in the answer, and when it was run for by our clock
  lifetime: 60, stale: false, // for how long they count as fresh, and whether the API itself called them stale
  ahead: 0, // how far the server's clock is ahead of ours
  isCompared: false, isWide: false, isWall: false, // with the period before, with other windows, and for a screen on a wall
  position: null, // the day that the chart's cursor is on
};

// Everything that is counted, as "section.key": a number that cannot be read keeps its place.
function names() {
  const found = new Set();
  for (const sections of [CATALOGUE, state.document ?? {}])
    for (const [section, keys] of Object.entries(sections)) for (const key of Object.keys(keys)) found.add(`${section}.${key}`);
  for (const name of Object.keys(state.history?.values ?? {})) found.add(name);
  return [...found].filter((name) => !isCounter(name) || hasValues(state.history?.values[name]));
}

const isCounter = (name) => name.startsWith("counters."); // which snapshots hold and the statistics do not

function entry(name) {
  const [section, key] = name.split("."), read = state.document?.[section]?.[key];
  const [label, counts] = CATALOGUE[section]?.[key] ?? [];
  const values = state.history?.values[name];
  const value = isCounter(name) ? values?.[lastKnown(values)] : read?.value;
  return {
    label: read?.label ?? label ?? state.history?.labels[name] ?? key, counts,
    value: Number.isFinite(value) ? value : null,
  };
}

const isReadable = (name) => !state.document || isCounter(name) || entry(name).value !== null;

// A number of the day (or hour) so far starts from zero again: a part of a day is less than a whole one.
const isOfTheDay = (name) => /_(today|last_hour)$/.test(name);

const isKnown = (value) => value !== null && value !== undefined;
const lastKnown = (values) => values.findLastIndex(isKnown);
const hasValues = (values) => Boolean(values?.some(isKnown));
const today = () => dayIn(state.history?.zone ?? "UTC", Date.now() + state.ahead);
