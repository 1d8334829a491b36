// What the page says of itself, and the numbers as tiles.

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

const element = (name, ...rest) => fill(document.createElement(name), ...rest);
const shape = (name, ...rest) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), ...rest);

function fill(made, attributes = {}, ...children) {
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
