// The numbers' course: a small line in each tile, and what is beside the chart of the chosen one.

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

const lastKnown = (values) => values.findLastIndex((value) => value !== null);
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
  const first = values.findIndex((each) => each !== null), last = lastKnown(values);
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
