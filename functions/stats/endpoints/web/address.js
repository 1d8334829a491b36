// The address says what is shown, so that it can be shared and gone back to; it never holds the token.

const RANGE = /^(30|90|365|all|\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d)$/;

function remember(isNew = true) {
  const address = `#${state.chosen},${state.range}`;
  if (address !== location.hash) history[isNew ? "pushState" : "replaceState"](null, "", address);
}

// A part that is missing or unknown leaves what is shown as it is.
function recall() {
  for (const part of decodeURIComponent(location.hash.slice(1)).split(",")) {
    if (/^\w+\.\w+$/.test(part)) state.chosen = part;
    const range = part === "366" ? "365" : part; // as former versions wrote it
    if (RANGE.test(range)) state.range = range;
  }
  drawRange();
}

function drawRange() {
  for (const input of document.querySelectorAll("[name=days]")) input.checked = input.value === state.range;
}

function onRange(range) {
  state.range = range;
  state.position = null;
  remember();
  drawRange();
  say("");
  loadHistory();
}

function onAddress() {
  const { range } = state;
  recall();
  if (!state.token) return;
  draw();
  if (state.range !== range) loadHistory();
}
