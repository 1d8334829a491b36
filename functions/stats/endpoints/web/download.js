// What is shown as files: the days for a spreadsheet, the chart as a picture.

const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-weight", "font-family"];

function save(blob, ending) {
  const { days } = state.history, parts = ["openl2m", $("stack").textContent, days[0], days.at(-1)].filter(Boolean);
  const link = element("a", { href: URL.createObjectURL(blob), download: parts.join("-").replace(/[^\p{L}\p{N}-]+/gu, "-") + ending });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// All numbers of the days that are shown. Where a comma begins the decimals, spreadsheets expect semicolons between values.
function saveTable() {
  const { days, values } = state.history, all = names().filter((name) => values[name]);
  const separator = (1.5).toLocaleString().includes(".") ? "," : ";";
  const quoted = (text) => (/[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const source = (index) => (!all.some((name) => isKnown(values[name][index])) ? "" : isBackfilled(index) ? "backfill" : "snapshot");
  const lines = [["Day", "Source", ...all.map((name) => quoted(entry(name).label))]];
  days.forEach((day, index) => lines.push([day, source(index), ...all.map((name) => values[name][index] ?? "")]));
  const text = lines.map((line) => `${line.join(separator)}\r\n`).join("");
  save(new Blob(["\ufeff", text], { type: "text/csv" }), ".csv");
}

function copied(drawn) {
  const copy = drawn.cloneNode(true), inner = copy.querySelectorAll("*");
  drawn.querySelectorAll("*").forEach((each, index) => {
    const drawing = getComputedStyle(each);
    for (const name of DRAWN) inner[index].setAttribute(name, drawing.getPropertyValue(name));
  });
  return copy;
}

async function savePicture() {
  const drawn = $("chart").firstChild, svg = copied(drawn), { width, height: bottom } = drawn.viewBox.baseVal;
  const { backgroundColor, color, fontFamily } = getComputedStyle($("focus")), above = 48;
  const words = (y, size, text, x = 12) => shape("text", { x, y, fill: color, "font-family": fontFamily, "font-size": size }, text);
  const title = [entry(state.chosen).label, $("stack").textContent].filter(Boolean).join(" · ");
  const days = `${longDay.format(dayOf(0))} – ${longDay.format(dayOf(state.history.days.length - 1))} (${state.history.zone})`;
  let height = bottom + 8;
  for (const { firstElementChild: sample, textContent: text } of $("legend").children) {
    height += 18;
    svg.append(fill(copied(sample), { x: 12, y: height - 18, width: 28, height: 8 }), words(height - 10, Math.min(12, 12 * (width - 60) / widthOf(text)), text, 48));
  }
  svg.prepend(shape("rect", { y: -above, width, height: height + above, fill: backgroundColor }), words(-28, 16, title), words(-10, 12, days));
  fill(svg, { viewBox: `0 ${-above} ${width} ${height + above}`, width: width * 2, height: (height + above) * 2 });
  const image = new Image(), canvas = element("canvas", { width: width * 2, height: (height + above) * 2 });
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  await image.decode();
  canvas.getContext("2d").drawImage(image, 0, 0);
  canvas.toBlob((blob) => save(blob, ".png"));
}
