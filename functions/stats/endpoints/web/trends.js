// The numbers' course: lines, and what is said of the chosen number beside its chart.

// A series as SVG paths: a line through the days that were recorded, one through those that were backfilled, one to the
// day that is not over, and dots. A day without a value is a gap, and a day between two gaps a dot. Where the axis begins
// with zero, at `bottom`, an area says how much there is.
function paths({ values, kind: also = "", told = isBackfilled, open = isPartial }, x, y, bottom) {
  const made = { area: "", line: "", told: "", sofar: "", dot: "" };
  const place = (index) => `${x(index).toFixed(1)} ${y(values[index]).toFixed(1)}`;
  let last = null, run = "", start = 0;
  for (let index = 0; index <= values.length; index += 1) {
    if (!isKnown(values[index])) {
      if (bottom && index - start > 1) made.area += `M${x(start)} ${bottom}${run}L${x(index - 1)} ${bottom}z`;
      [last, run, start] = [null, "", index + 1];
      continue;
    }
    run += `L${place(index)}`;
    if (isKnown(values[index - 1])) {
      const kind = open(index) ? "sofar" : told(index) || told(index - 1) ? "told" : "line";
      made[kind] += `${kind === last ? "" : `M${place(index - 1)}`}L${place(index)}`;
      last = kind;
    } else if (!isKnown(values[index + 1])) {
      made.dot += `M${place(index)}h.01`;
    }
  }
  return Object.entries(made).filter(([, d]) => d).map(([kind, d]) => shape("path", { class: `${kind} ${also}`, d }));
}

function extent(values) {
  const known = values.filter(isKnown);
  return [Math.min(...known), Math.max(...known)];
}

function drawFocus() {
  const { label, value, counts } = entry(state.chosen);
  change($("focus-label"), label);
  write($("focus-value"), written(value));
  const values = state.history?.values[state.chosen];
  const compared = comparedWords(state.chosen);
  change($("compared"), isCounter(state.chosen) ? `As of the snapshot of ${longDay.format(dayOf(lastKnown(values)))}.`
    : isReadable(state.chosen) ? compared && compared[0].toUpperCase() + compared.slice(1) : "This number cannot be read at the moment.");
  $("about").hidden = !counts;
  change($("counts"), counts ? `${counts} ${windowOf(state.chosen)}` : "");
  const drawable = hasValues(values), waiting = !state.history && !state.noHistory;
  $("trend").hidden = !drawable && !waiting;
  $("trend").classList.toggle("empty", waiting);
  $("no-history").hidden = drawable || waiting;
  change($("no-history"), state.noHistory || (Object.values(state.history?.values ?? {}).some(hasValues)
    ? "There is no history of this number in these days." : `There is no history of these days${state.history?.range.includes("..") ? "." : " yet. Every day adds a point."}`));
  $("sections").className = state.history?.days.length > 90 ? "dense" : "";
  change($("change"), drawable ? changeInWords() : "");
  $("before").hidden = state.history?.range === "all";
  $("windows").hidden = !drawable || !/_(hour|today|days)$/.test(state.chosen);
  change($("history-note"), [state.historyProblem, stopped(), drawable && state.history.isCut
    ? `The history begins on ${longDay.format(dayOf(0))}.` : ""].filter(Boolean).join(" "));
  if (!drawable) return;
  drawLegend(values);
  drawChart();
  drawTable();
}

function changeInWords() {
  const found = wholeDays(state.chosen);
  if (!found) return "";
  const day = (index) => longDay.format(dayOf(index));
  return `${difference(found.change)} from ${day(found.first)} to ${day(found.last)}`;
}

function windowOf(name) {
  const zone = state.history?.zone ?? "OpenL2M’s time zone";
  return {
    last_hour: "Those of the last 60 minutes.",
    today: `Those since midnight (${zone}).`,
    last_7_days: `Those since midnight (${zone}), 7 days before today’s date in UTC.`,
    last_31_days: `Those since midnight (${zone}), 31 days before today’s date in UTC.`,
  }[SPAN.exec(name)?.[2]] ?? "";
}

function drawLegend(values) {
  const has = (test) => state.history.days.some((_, index) => isKnown(values[index]) && test(index));
  const sample = (kind) => shape("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, shape("path", { class: kind, d: "M1 4h26" }));
  const lines = series(), { key, values: earlier } = earlierShown();
  const parts = lines.slice(1).map(({ kind, label }) => element("span", {}, sample(`line ${kind}`), label));
  if (parts.length) parts.unshift(element("span", {}, sample("line"), entry(state.chosen).label));
  if (key && lines[1]?.kind !== "before") parts.push(earlier ? "There is no history of the weeks before." : "The weeks before cannot be read at the moment.");
  if (state.history.days.length <= WEEKENDS && state.history.days.some((_, index) => isRest(index))) parts.push(element("span", {}, shape("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" }, shape("rect", { class: "weekend", width: 28, height: 8 })), "Weekend"));
  if (has(isBackfilled)) parts.push(element("span", {}, sample("told"), "Dotted: backfilled from OpenL2M’s log. These numbers can be too low."));
  if (has(isPartial)) parts.push(element("span", {}, sample("sofar"), `Dashed: ${shortDay.format(instantOf(state.history.partial))} so far.`));
  $("legend").replaceChildren(...parts);
}

const dayOf = (index) => instantOf(state.history.days[index]);
