// The history: which days are read, and when.

const MOST_DAYS = 366;
let historyAsked = 0;

async function loadHistory() {
  const asked = (historyAsked += 1), within = session, { range } = state;
  state.historyDue = Infinity;
  drawStatus();
  const { found, answer } = await readDays(range), before = state.history?.range;
  if (asked !== historyAsked || within !== session) return;
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
  draw();
  if (before && (state.historyProblem || range !== before))
    say(state.historyProblem || `${counted(state.history.days.length, "day")} shown. ${$("change").textContent}`);
}

// Reads the days of a range, at most 366 at once and the newest first. "all" ends with a year without any.
async function readDays(range) {
  const [, from, to] = /^(.+)\.\.(.+)$/.exec(range) ?? [];
  // Until the first answer tells the zone, today may be a day off, either way.
  const first = from ?? (range === "all" ? "" : shifted(today(), -Math.min(Number(range), MOST_DAYS - 2)));
  let found = null;
  for (let last = to ?? today(), isNewest = !to; ; isNewest = false) {
    const earliest = shifted(last, 2 - MOST_DAYS), start = earliest > first ? earliest : first;
    const answer = await ask(`api/stats/history/?from=${start}${isNewest ? "" : `&to=${last}`}`, "no-cache");
    const { content } = answer;
    if (!answer.ok || !Array.isArray(content?.days)) return { answer };
    found = found ? joined(content, found) : content;
    if (start === first || !seriesOf(content).some(([, { values }]) => hasValues(values))) return { found };
    last = shifted(start, -1);
  }
}

const seriesOf = (content) => ["database", "usage", "counters"].flatMap((section) =>
  Object.entries(content[section] ?? {}).map(([key, series]) => [`${section}.${key}`, series]));

// Puts the days of an earlier answer before those of a later one.
function joined(earlier, later) {
  const found = { ...later, days: [...earlier.days, ...later.days], backfilled: [...earlier.backfilled, ...later.backfilled] };
  for (const section of ["database", "usage", "counters"]) {
    found[section] = {};
    for (const [key, { label }] of Object.entries({ ...earlier[section], ...later[section] })) {
      const values = [earlier, later].flatMap((each) => each[section]?.[key]?.values ?? each.days.map(() => null));
      found[section][key] = { label, values };
    }
  }
  return found;
}

function made(content, range) {
  const series = seriesOf(content), count = content.days.length;
  const zone = content.time_zone ?? "UTC", now = dayIn(zone, Date.now() + state.ahead);
  // A young history is shown from its first day on.
  const firsts = series.map(([, { values }]) => values.findIndex(isKnown)).filter((each) => each >= 0);
  const skip = Math.max(Number(range) ? count - Number(range) : 0, Math.min(...firsts, Math.max(0, count - 2)));
  return {
    range, zone, days: content.days.slice(skip),
    values: Object.fromEntries(series.map(([name, { values }]) => [name, values.slice(skip)])),
    labels: Object.fromEntries(series.map(([name, { label }]) => [name, label])),
    backfilled: new Set(content.backfilled),
    partial: content.partial !== undefined ? content.partial : content.days.includes(now) ? now : null,
    isCut: firsts.length > 0 && skip > Math.max(0, count - (Number(range) || count)),
  };
}

const isBackfilled = (index) => state.history.backfilled.has(state.history.days[index]);
const isPartial = (index) => state.history.days[index] === state.history.partial;

// The last day of which there is a snapshot, or null. Only of days up to now can it tell that snapshots have stopped.
function lastSnapshot() {
  const { days, values } = state.history, series = Object.values(values);
  return days.findLast((day, index) => !isBackfilled(index) && series.some((each) => isKnown(each[index]))) ?? null;
}

function stopped() {
  if (!state.history || state.history.range.includes("..")) return "";
  const last = lastSnapshot();
  return last && last < shifted(today(), -1) ? `Snapshots have stopped: the last one is of ${longDay.format(instantOf(last))}.` : "";
}

// How a number changed between whole days that snapshots tell: of the same weekday where there are such.
function wholeDays(name) {
  const values = state.history.values[name];
  const usable = values.map((value, index) => isKnown(value) && !isBackfilled(index) && !isPartial(index));
  const last = usable.lastIndexOf(true);
  const day = (index) => instantOf(state.history.days[index]) / DAY;
  let first = usable.findIndex((each, index) => each && (day(last) - day(index)) % 7 === 0);
  if (first === last && !isOfTheDay(name)) first = usable.indexOf(true);
  return first >= 0 && first < last ? { first, last, change: values[last] - values[first] } : null;
}
