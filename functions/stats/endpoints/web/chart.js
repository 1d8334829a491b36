// The chart of the chosen number, with a cursor.

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

// Writes an axis' numbers short, with as many digits as they need to differ.
function tickNames(ticks) {
  for (let digits = 0; ; digits += 1) {
    const compact = { notation: "compact", minimumFractionDigits: digits, maximumFractionDigits: digits };
    const format = ticks.at(-1) < 1e6 || digits > 5 ? number : new Intl.NumberFormat(undefined, compact);
    const named = ticks.map(format.format);
    if (format === number || new Set(named).size === ticks.length) return named;
  }
}

let plot = null;

// The days of rest where the reader lives; in longer ranges, they would be stripes.
const WEEKENDS = 120;
const REST = (() => {
  const locale = new Intl.Locale(navigator.language);
  return (locale.getWeekInfo?.() ?? locale.weekInfo)?.weekend ?? [6, 7];
})();

const isRest = (index) => REST.includes(new Date(dayOf(index)).getUTCDay() || 7);

function weekends(count, x, left, right, top, bottom) {
  const half = (x(1) - x(0)) / 2, made = [];
  for (let index = 0; index < count; index += 1) {
    if (!isRest(index)) continue;
    const from = Math.max(left, x(index) - half), to = Math.min(right, x(index) + half);
    made.push(shape("rect", { class: "weekend", x: from, y: top, width: to - from, height: bottom - top }));
  }
  return made;
}

function drawChart(size = $("chart")) {
  const lines = series(), [{ values }] = lines, count = values.length;
  const { clientWidth: width, clientHeight: height } = size;
  if (!width) return;
  const ticks = scale(lines.flatMap((each) => each.values)), low = ticks[0], high = ticks.at(-1), written = tickNames(ticks);
  const left = 12 + Math.max(...written.map((each) => widthOf(each))), right = width - 10, top = 12, bottom = height - 28;
  const x = (index) => (count > 1 ? left + (index / (count - 1)) * (right - left) : (left + right) / 2);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  if (count > 1 && count <= WEEKENDS) svg.append(...weekends(count, x, left, right, top, bottom));
  ticks.forEach((tick, index) => svg.append(
    shape("line", { class: "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
    shape("text", { class: "tick y", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, written[index])));
  svg.append(...dayNames(count, x, left, right, height - 8));
  for (const each of [...lines.slice(1), lines[0]]) svg.append(...paths(each, x, y, each === lines[0] && low === 0 && bottom));
  if (isKnown(values[count - 1]) && isPartial(count - 1)) svg.append(shape("circle", { class: "open", cx: x(count - 1), cy: y(values[count - 1]), r: 3.5 }));
  const cursor = shape("g");
  svg.append(cursor);
  $("chart").replaceChildren(svg);
  $("chart").setAttribute("aria-valuemin", "0");
  $("chart").setAttribute("aria-valuemax", String(count - 1));
  plot = { lines, values, x, y, left, right, top, bottom, width, cursor };
  drawCursor();
}

function dayNames(count, x, left, right, y) {
  if (count < 2) return [];
  const most = Math.max(2, Math.min(count, Math.floor((right - left) / 100))), format = count > 180 ? month : shortDay;
  const made = [];
  let before = "";
  for (let each = 0; each < most; each += 1) {
    const index = Math.round((each * (count - 1)) / (most - 1)), text = format.format(dayOf(index));
    const anchor = each === 0 ? "start" : each === most - 1 ? "end" : "middle";
    if (text !== before) made.push(shape("text", { class: "tick x", x: x(index), y, "text-anchor": anchor }, text));
    before = text;
  }
  return made;
}

const pen = document.createElement("canvas").getContext("2d");

function widthOf(text, size = 12) {
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

function words(index) {
  const value = plot.values[index];
  if (!isKnown(value)) return { day: longDay.format(dayOf(index)), text: "no value", note: "" };
  const note = isPartial(index) ? ", so far" : isBackfilled(index) ? ", backfilled" : "";
  return { day: longDay.format(dayOf(index)), text: digits(value), note };
}

function drawCursor() {
  const index = Math.min(state.position ?? lastKnown(plot.values), plot.values.length - 1);
  const { day, text, note } = words(index);
  $("chart").setAttribute("aria-valuenow", String(index));
  const others = plot.lines.slice(1).map(({ label, values }) => `${label}: ${isKnown(values[index]) ? digits(values[index]) : "–"}`);
  $("chart").setAttribute("aria-valuetext", [`${day}: ${text}${note}`, ...others].join("; "));
  plot.cursor.replaceChildren();
  if (state.position === null) return;
  const { x, y, top, bottom, left, right, values } = plot, at = x(index);
  plot.cursor.append(shape("line", { class: "cursor", x1: at, x2: at, y1: top, y2: bottom }));
  if (isKnown(values[index])) plot.cursor.append(shape("circle", { class: "point", cx: at, cy: y(values[index]), r: 5 }));
  const below = [`${day}${note}`, ...others], room = 24 + Math.max(widthOf(text, 16), ...below.map((each) => widthOf(each)));
  const high = 30 + 16 * below.length;
  const start = Math.max(left, Math.min(at - room / 2, right - room));
  const above = !isKnown(values[index]) || y(values[index]) > top + high + 18 ? top : bottom - high - 6;
  plot.cursor.append(shape("g", { class: "tip" },
    shape("rect", { x: start, y: above, width: room, height: high, rx: 8 }),
    shape("text", { class: "number", x: start + 12, y: above + 20 }, text),
    ...below.map((each, line) => shape("text", { x: start + 12, y: above + 36 + 16 * line }, each))));
}

function moveTo(index) {
  if (!plot) return;
  state.position = index === null ? null : Math.max(0, Math.min(index, plot.values.length - 1));
  drawCursor();
}

function onPointer(event) {
  if (!plot) return;
  const share = (event.clientX - $("chart").getBoundingClientRect().left - plot.left) / (plot.right - plot.left);
  moveTo(Math.round(share * (plot.values.length - 1)));
}

function onKey(event) {
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -7, PageUp: 7, Home: -Infinity, End: Infinity };
  if (!plot) return;
  if (event.key === "Escape") moveTo(null);
  if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  moveTo((state.position ?? lastKnown(plot.values)) + steps[event.key]);
}

function drawTable() {
  if (!$("table").open || !state.history) return;
  const { days, values, zone } = state.history, others = series().slice(1), cell = (value) => element("td", {}, isKnown(value) ? number.format(value) : "–");
  const heads = [`Day (${zone})`, "Value", ...others.map(({ label }) => label), "Source"];
  $("heads").replaceChildren(...heads.map((head) => element("th", { scope: "col" }, head)));
  const rows = days.map((day, index) => {
    const value = values[state.chosen]?.[index];
    const source = !isKnown(value) ? "–" : isBackfilled(index) ? "backfilled" : isPartial(index) ? "snapshot, so far" : "snapshot";
    return element("tr", {}, element("td", {}, day), cell(value), ...others.map((each) => cell(each.values[index])), element("td", {}, source));
  });
  $("rows").replaceChildren(...rows.reverse());
}
