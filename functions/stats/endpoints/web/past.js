// The numbers at the same time yesterday and a week ago, and those of the period before the one that is shown.

const CLOSE = 15 * 60000, NEAR = 75 * 60000;
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

async function loadPast() {
  const within = session, now = state.readAt;
  state.pastDue = Infinity;
  const found = await Promise.all([1, 7].map(async (days) => {
    const wanted = sameTime(now, days);
    const answer = await get(`api/stats/at/?time=${new Date(wanted).toISOString().slice(0, 19)}Z`, "default");
    const at = Date.parse(answer.header("Last-Modified"));
    return answer.ok && isDocument(answer.content) && wanted - at < NEAR ? { at, document: answer.content } : null;
  }));
  if (within !== session) return;
  state.past = { 1: found[0], 7: found[1] };
  state.pastDue = Date.now() + 1000 * (found.some(Boolean) ? HISTORY_SECONDS : 3600);
  draw();
}

// Returns the instant so many days before another at which clocks show the same, in the numbers' zone.
function sameTime(instant, days) {
  const before = instant - days * DAY;
  return before + offset(instant) - offset(before);
}

const offset = (instant) =>
  Date.parse(`${wallIn(state.history?.zone ?? "UTC").format(instant).replace(" ", "T")}Z`) - Math.floor(instant / 1000) * 1000;

// How a number differs from so many days before; null where they cannot be compared. Of a day, the part has to be the same.
function since(name, days) {
  const past = state.isOfToday && state.past[days], [section, key] = name.split("."), then = past?.document?.[section]?.[key]?.value, { value } = entry(name);
  return value === null || !Number.isFinite(then) || past.late > (isOfTheDay(name) ? CLOSE : NEAR) ? null : value - then;
}

// Numbers of yesterday, which stand for lack of newer ones, say nothing of today. They are read again more often than those
// of before.
function drawLate() {
  state.isOfToday = state.history ? dayIn(state.history.zone, state.readAt) === today() : !state.stale;
  for (const [days, past] of Object.entries(state.past)) if (past) past.late = sameTime(state.readAt, days) - past.at;
}

function comparedWords(name) {
  const found = [[1, "yesterday"], [7, "a week ago"]].filter(([days]) => since(name, days) !== null);
  const at = found.map(([days]) => ` at ${isolated(time.format(state.past[days].at))}`), isSame = new Set(at).size === 1;
  return found.map(([days, when], index) => `${moreWords(since(name, days))} ${when}${isSame ? "" : at[index]}`).join(", ") + (isSame ? at[0] : "");
}

function moreWords(change, what) {
  const count = Math.abs(change);
  return change ? `${what ? counted(count, what) : digits(count)} ${change > 0 ? "more" : "fewer"} than` : `as many ${what ? `${what}s ` : ""}as`;
}

// The day so far in a sentence.
function summary() {
  if (!state.document || !state.isOfToday) return "";
  const part = (key, one, many) => {
    const { value } = entry(`usage.${key}_today`);
    return value === null ? [] : [`${digits(value)} ${value === 1 ? one : many}`];
  };
  const parts = [...part("changes", "change", "changes"), ...part("devices", "device viewed or changed", "devices viewed or changed"), ...part("users", "user", "users")];
  const change = since("usage.changes_today", 7);
  const than = change === null ? "" : ` That is ${moreWords(change, "change")} a week ago by this time.`;
  return parts.length ? `Today so far: ${parts.join(", ")}.${than}` : "";
}

// ---- The period before, by whole weeks, so that weekdays stand above weekdays.

async function loadEarlier() {
  const { days, range } = state.history, within = session, shift = -Math.ceil(days.length / 7) * 7, key = `${days[0]}..${days.at(-1)}`;
  if (!state.isCompared || range === "all" || (state.earlier?.key === key && state.earlier.values)) return;
  const { found } = await readDays(`${shifted(days[0], shift)}..${shifted(days.at(-1), shift)}`);
  if (within !== session) return;
  const places = days.map((day) => found?.days.indexOf(shifted(day, shift))), weeks = -shift / 7;
  state.earlier = { key, label: `${counted(weeks, "week")} before`, values: found && Object.fromEntries(
    Object.entries(found.values).map(([name, values]) => [name, places.map((index) => values[index] ?? null)])),
    told: (index) => found.backfilled.includes(found.days[places[index]]) };
  draw();
}

function earlierShown() {
  const { days, range } = state.history;
  return state.isCompared && range !== "all" && state.earlier?.key === `${days[0]}..${days.at(-1)}` ? state.earlier : {};
}

// The lines of the chart: the chosen number's, that of the period before, and those of the other windows of what it counts.
function series() {
  const { values } = state.history, { chosen } = state, [, what] = SPAN.exec(chosen) ?? [];
  const lines = [{ label: entry(chosen).label, values: values[chosen], kind: "" }], colours = ["second", "third", "fourth"];
  const { label, values: earlier, told } = earlierShown();
  if (hasValues(earlier?.[chosen])) lines.push({ label, values: earlier[chosen], kind: "before", told, open: () => false });
  if (state.isWide) {
    for (const name of names()) {
      if (name === chosen || SPAN.exec(name)?.[1] !== what || !what || /_total$/.test(name) || /_total$/.test(chosen) || !hasValues(values[name])) continue;
      lines.push({ label: entry(name).label, values: values[name], kind: `other ${colours.shift()}` });
    }
  }
  return lines;
}
