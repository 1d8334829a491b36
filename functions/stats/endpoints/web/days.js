// The history: which days are read, and when.

const MOST_DAYS = 366;
let historyRun = 0;

async function loadHistory() {
  const run = (historyRun += 1), within = session, { range } = state;
  state.historyDue = Infinity;
  drawStatus();
  const { found, answer } = await readDays(range), before = state.history?.range;
  if (run !== historyRun || within !== session) return;
  let wait = HISTORY_SECONDS;
  if (found) {
    state.history = made(found, range);
    state.noHistory = state.historyProblem = "";
  } else if (answer.status === 404) {
    Object.assign(state, { history: null, historyProblem: "", noHistory: "There are no trends: no snapshots are kept here." });
    wait = 3600;
  } else {
    // The chart that is there stays, and says which days it has.
    const why = answer.status === 400 ? "These days cannot be read." : "The history cannot be read at the moment.";
    state.historyProblem = state.history ? why : "";
    state.noHistory = state.history ? "" : `${why} The trends appear as soon as it can.`;
    if (state.history) state.range = state.history.range;
    remember(false);
    drawRange();
    wait = Number(answer.header("Retry-After")) || 60;
  }
  state.historyDue = Date.now() + wait * 1000;
  if (found) loadEarlier();
  draw();
  tick();
  if (before && (state.historyProblem || range !== before))
    say(state.historyProblem || `${counted(state.history.days.length, "day")} shown. ${$("change").textContent}`);
}

// Reads the days of a range, at most 366 at once and the newest first. "all" ends with a year without any.
async function readDays(range) {
  const [, from, to] = /^(.+)\.\.(.+)$/.exec(range) ?? [];
  // Before the first answer, the zone is unknown, and today may be a day off.
  const first = from ?? (range === "all" ? "" : shifted(today(), -Math.min(Number(range), MOST_DAYS - 2)));
  let found = { days: [], values: {}, labels: {}, backfilled: [] };
  for (let last = to ?? today(), isNewest = !to; ; isNewest = false) {
    const earliest = shifted(last, 2 - MOST_DAYS), start = earliest > first ? earliest : first;
    const answer = await get(`api/stats/history/?from=${start}${isNewest ? "" : `&to=${last}`}`, "no-cache");
    if (!answer.ok || !Array.isArray(answer.content?.days)) return { answer };
    const hasAny = prepend(answer.content, found);
    if (start === first || !hasAny) return { found };
    last = shifted(start, -1);
  }
}

// Puts the days of an answer before those of later ones. Returns whether they have any value.
function prepend({ days, backfilled, time_zone: zone, partial, ...sections }, found) {
  const fresh = {}, gaps = (of) => of.map(() => null);
  for (const section of ["database", "usage", "counters"])
    for (const [key, { label, values }] of Object.entries(sections[section] ?? {})) [fresh[`${section}.${key}`], found.labels[`${section}.${key}`]] = [values, label];
  for (const name of Object.keys({ ...found.values, ...fresh }))
    found.values[name] = [...(fresh[name] ?? gaps(days)), ...(found.values[name] ?? gaps(found.days))];
  found.days = [...days, ...found.days];
  found.backfilled.push(...(backfilled ?? []));
  found.zone ??= zone ?? "UTC";
  found.partial ??= partial;
  return Object.values(fresh).some(hasValues);
}

function made({ days, values, labels, backfilled, zone, partial }, range) {
  const count = days.length, now = dayIn(zone, Date.now() + state.ahead), firsts = Object.values(values).filter(hasValues).map((each) => each.findIndex(isKnown));
  // A young history is shown from its first day on.
  const skip = Math.max(Number(range) ? count - Number(range) : 0, Math.min(...firsts, Math.max(0, count - 2)));
  return {
    range, zone, labels, days: days.slice(skip), readOn: now,
    values: Object.fromEntries(Object.entries(values).map(([name, each]) => [name, each.slice(skip)])),
    backfilled: new Set(backfilled),
    partial: partial !== undefined ? partial : days.includes(now) ? now : null, // former versions name none
    isCut: firsts.length > 0 && skip > Math.max(0, count - (Number(range) || count)),
  };
}

const isBackfilled = (index) => state.history.backfilled.has(state.history.days[index]);
const isPartial = (index) => state.history.days[index] === state.history.partial;

// The history shows that snapshots have stopped as of the day on which it was read.
function stopped() {
  const { days, values, range, readOn } = state.history ?? { range: ".." };
  if (range.includes("..")) return "";
  const last = days.findLast((_, index) => !isBackfilled(index) && Object.values(values).some((each) => isKnown(each[index])));
  return last && last < shifted(readOn, -1) ? `Snapshots have stopped: the last one is of ${longDay.format(instantOf(last))}.` : "";
}

// How a number changed between whole days with snapshots: of the same weekday where there are such.
function wholeDays(name) {
  const values = state.history.values[name];
  const usable = values.map((value, index) => isKnown(value) && !isBackfilled(index) && !isPartial(index));
  const last = usable.lastIndexOf(true);
  const day = (index) => instantOf(state.history.days[index]) / DAY;
  let first = usable.findIndex((each, index) => each && (day(last) - day(index)) % 7 === 0);
  if (first === last && !isOfTheDay(name)) first = usable.indexOf(true);
  return first >= 0 && first < last ? { first, last, change: values[last] - values[first] } : null;
}
