// The token. A browser that forbids storage gets one that lasts until the next reload.

const STORED = "openl2m-stats-token";
let session = 0;

function store(token) {
  state.token = token;
  try {
    if (token) sessionStorage.setItem(STORED, token);
    else sessionStorage.removeItem(STORED);
  } catch { /* forbidden */ }
}

function stored() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function signIn(event) {
  event.preventDefault();
  const { token, problem } = tokenIn($("token").value);
  if (problem) {
    refuse(problem);
    return;
  }
  $("token-error").textContent = "";
  $("token").value = token;
  store(token);
  session += 1;
  start();
}

// People paste a whole header, a line of `openl2m-stats tokens create`, or what a mail has made of a key.
function tokenIn(text) {
  const found = new Set(text.match(/(?<![0-9a-z])[0-9a-f]{40}(?![0-9a-z])/g));
  const bare = text.replace(/[\s\u200b\u00ad\ufeff"'`“”‘’„«»]/g, "").replace(/^(-h)?(authorization:?)?(token|bearer)?[:=]?/i, "");
  if (/^[0-9a-f]{40}$/.test(bare)) return { token: bare };
  if (found.size === 1) return { token: [...found][0] };
  if (found.size) return { problem: "There is more than one token in this text. Enter one." };
  if (!bare) return { problem: "Enter a token." };
  if (/^[0-9a-f]{40}$/i.test(bare)) return { problem: "A token has small letters only: this one has capitals." };
  if (/^[0-9a-f]+$/i.test(bare)) return { problem: `A token has 40 digits: this text has ${bare.length}.` };
  return { problem: "This is not a token: a token has 40 digits, 0 to 9 and a to f." };
}

function refuse(why) {
  $("token-error").textContent = why;
  $("token").setAttribute("aria-invalid", "true");
  $("token").focus();
  $("token").select();
}

function reveal(shown) {
  $("token").type = shown ? "text" : "password";
  $("show").textContent = shown ? "Hide" : "Show";
  $("show").setAttribute("aria-pressed", String(shown));
}

function signOut(why) {
  session += 1;
  store(null);
  for (const call of calls) call.controller.abort();
  calls.clear();
  Object.assign(state, NOTHING);
  for (const id of ["summary", "compared", "sections", "focus-label", "focus-value", "change", "chart", "rows"]) $(id).replaceChildren();
  $("numbers").hidden = $("session").hidden = true;
  $("login").hidden = false;
  reveal(false);
  drawStatus();
  if (why) refuse(why);
  else {
    $("token").value = "";
    $("token").focus();
  }
}
