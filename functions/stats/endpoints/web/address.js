// The address says what is shown, so that it can be shared and gone back to; it never holds the token.

const RANGE = /^(30|90|365|all|\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d)$/;

const FLAGS = [["before", "isCompared"], ["windows", "isWide"], ["wall", "isWall"]]; // the buttons' ids, too

function remember(isNew = true) {
  const address = `#${[state.chosen, state.range, ...FLAGS.filter(([, key]) => state[key]).map(([name]) => name)]}`;
  if (address !== location.hash) history[isNew ? "pushState" : "replaceState"](null, "", address);
}

// A part that is missing or unknown leaves what is shown as it is.
function recall() {
  const parts = location.hash.slice(1).replaceAll("%2C", ",").split(",");
  for (const [name, key] of FLAGS) state[key] = parts.includes(name);
  for (const part of parts) {
    if (/^\w+\.\w+$/.test(part)) state.chosen = part;
    const range = part === "366" ? "365" : part; // as former versions wrote it
    if (RANGE.test(range)) state.range = range;
  }
  drawRange();
}

function drawRange() {
  for (const [name, key] of FLAGS) $(name).setAttribute("aria-pressed", String(state[key]));
  document.body.classList.toggle("wall", state.isWall);
  change($("wall"), state.isWall ? "Leave" : "Full screen");
  for (const input of document.querySelectorAll("[name=days]")) input.checked = input.value === state.range;
  const [from, to] = state.range.split("..");
  $("own").classList.toggle("chosen", Boolean(to));
  change($("own").firstElementChild, to ? `${shortDay.format(instantOf(from))} – ${longDay.format(instantOf(to))}` : "Dates");
}

function onDates(event) {
  event.preventDefault();
  const [from, to] = [$("from").value, $("to").value].sort();
  $("own").open = false;
  onRange(`${from}..${to}`);
}

function onOwn() {
  if (!$("own").open || !state.history) return;
  const { days } = state.history;
  [$("from").value, $("to").value] = [days[0], days.at(-1)];
  $("to").max = $("from").max = today();
  $("from").focus();
}

function onRange(range) {
  state.range = range;
  state.position = null;
  remember();
  drawRange();
  loadHistory();
}

function onAddress() {
  const { range } = state;
  recall();
  if (!state.token) return;
  draw();
  if (state.range !== range) loadHistory();
}

function toggle(name, key) {
  state[key] = !state[key];
  remember();
  drawRange();
  if (name === "wall") onWall();
  else if (state.history) loadEarlier();
  draw();
}

// A screen on a wall: large, without controls, and awake. Browsers that refuse the whole screen give their window.
let awake = null;

async function onWall() {
  awake?.release();
  awake = null;
  if (!state.isWall) {
    if (document.fullscreenElement) document.exitFullscreen();
    return;
  }
  try {
    await document.documentElement.requestFullscreen();
    awake = await navigator.wakeLock?.request("screen");
  } catch { /* refused */ }
}

function onFullscreen() {
  if (!document.fullscreenElement && state.isWall) toggle("wall", "isWall");
}
