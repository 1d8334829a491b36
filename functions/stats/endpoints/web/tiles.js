// The numbers as tiles, each with its trend. They are one stop of the Tab key; the arrow keys go from one to the next.

function draw() {
  const isIn = Boolean(state.document || state.history || state.problem), first = isIn && !$("login").hidden;
  if (isIn) $("login").hidden = true;
  if (first) $("token").value = "";
  $("session").hidden = !$("login").hidden;
  $("numbers").hidden = !$("login").hidden || Boolean(state.problem && !state.document && !state.history);
  drawStatus();
  if ($("numbers").hidden) return;
  const all = names();
  if (!all.includes(state.chosen)) state.chosen = all[0];
  if ([...tiles()].map((tile) => tile.dataset.name).join() !== all.join()) buildTiles(all);
  drawLate();
  for (const tile of tiles()) drawTile(tile);
  change($("summary"), summary());
  drawFocus();
  if (first) $("focus-label").focus();
}

const tiles = () => document.querySelectorAll(".tile");

// A dash is a number that cannot be read; nothing, one that has not been read yet.
function written(value) {
  if (value !== null) return number.format(value);
  return state.document || state.problem ? "–" : "";
}

function drawTile(tile) {
  const { name } = tile.dataset, { label, value } = entry(name), isChosen = name === state.chosen;
  tile.setAttribute("aria-pressed", String(isChosen));
  if (!$("sections").contains(document.activeElement)) tile.tabIndex = isChosen ? 0 : -1;
  tile.querySelector(".label").textContent = label;
  write(tile.querySelector(".value"), written(value));
  const changes = [["day", since(name, 1)], ["week", since(name, 7)]].filter(([, each]) => each !== null), isMissing = !isReadable(name);
  change(tile.querySelector(".since"), isMissing ? "not readable"
    : changes.map(([what, each]) => `${what}\u00a0${difference(each, Math.abs(each) < 1e6 ? signed : short)}`).join(" · "));
  tile.classList.toggle("missing", isMissing);
  const values = state.history?.values[name];
  const shown = values?.map((each, index) => (isPartial(index) && isOfTheDay(name) ? null : each));
  if (!hasValues(shown)) {
    tile.lastChild.replaceChildren();
    return;
  }
  const [low, high] = extent(shown);
  const x = (index) => (shown.length > 1 ? (index / (shown.length - 1)) * 100 : 50);
  const y = (each) => (high > low ? 25 - ((each - low) / (high - low)) * 22 : 14);
  tile.lastChild.replaceChildren(...paths({ values: shown }, x, y));
}

// However long a number is, it stays in its place.
function write(place, text) {
  change(place, text);
  place.style.setProperty("--length", Math.max(6, text.length));
}

function buildTiles(all) {
  const sections = [...new Set(all.map(sectionOf))];
  $("sections").replaceChildren(...sections.map((section) => {
    let row = "";
    const items = all.filter((name) => sectionOf(name) === section).map((name) => {
      const tile = element("button", { type: "button", class: "tile", "data-name": name, tabindex: "-1" },
        element("span", { class: "label" }), " ", element("span", { class: "value" }), " ", element("span", { class: "since" }),
        shape("svg", { viewBox: "0 0 100 28", preserveAspectRatio: "none", "aria-hidden": "true" }));
      tile.addEventListener("click", () => choose(name));
      // The windows of what is counted stand beside each other, the same ones below each other.
      const [, what, span] = SPAN.exec(name) ?? [];
      const first = what !== undefined && what !== row;
      row = what;
      return element("li", { class: `${first ? "first " : ""}${span ?? ""}` }, tile);
    });
    const id = `section-${section}`, title = section[0].toUpperCase() + section.slice(1);
    return element("section", { "aria-labelledby": id }, element("h2", { id }, title), element("ul", {}, ...items));
  }));
}

const sectionOf = (name) => name.split(".")[0];

function choose(name) {
  state.chosen = name;
  remember();
  draw();
  for (const tile of tiles()) tile.tabIndex = tile.dataset.name === name ? 0 : -1;
  const { label, value } = entry(name);
  say(`${label}: ${value === null ? "not readable" : digits(value)}. ${$("change").textContent}`);
  if ($("focus").getBoundingClientRect().bottom < 150) $("focus").scrollIntoView();
}

function onTileKey(event) {
  const all = [...tiles()], at = all.indexOf(event.target.closest(".tile"));
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key] ?? beside(all, at, event.key);
  if (next === undefined) return;
  event.preventDefault();
  const tile = all[Math.max(0, Math.min(next, all.length - 1))];
  for (const each of all) each.tabIndex = each === tile ? 0 : -1;
  tile.focus();
}

// Returns the tile above or below another, as they stand.
function beside(all, at, key) {
  const sign = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (!sign) return undefined;
  const from = all[at].getBoundingClientRect();
  const distance = ({ x, y }) => (sign * (y - from.y) > 1 ? 10 * Math.abs(y - from.y) + Math.abs(x - from.x) : Infinity);
  const far = all.map((tile) => distance(tile.getBoundingClientRect())), least = Math.min(...far);
  return least < Infinity ? far.indexOf(least) : at;
}
