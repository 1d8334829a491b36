// The chart of the chosen number, with a cursor, and its values as a table.

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
  const last = lastKnown(plot.values);
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
  moveTo((state.position ?? lastKnown(plot.values)) + steps[event.key]);
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
