// What the page says of itself. The light goes by the age of the numbers, not by the last answer.

function light() {
  if (state.problem) return ["away", "No answer"];
  if (!state.document) return ["old", "Loading…"];
  if (state.stale) return ["stale", "Stale"];
  const age = ageNow();
  if (age >= 0 && age <= Math.max(state.lifetime, LEAST_SECONDS)) return ["", "Up to date"];
  return ["old", isFetching("api/stats/") ? "Updating…" : "Out of date"];
}

const ageNow = () => state.age + (Date.now() - state.sentAt) / 1000;

function drawStatus() {
  const [kind, text] = light();
  for (const each of ["stale", "away", "old"]) document.body.classList.toggle(each, Boolean(state.token) && each === kind);
  document.body.classList.toggle("busy", calls.size > 0);
  change($("state"), text);
  drawNotice();
  const slow = [...calls].some((call) => Date.now() - call.since > 5000);
  change($("signing"), $("login").hidden || !isFetching("api/stats/") ? "" : slow ? "Still waiting for the API…" : "Signing in…");
  $("trend").setAttribute("aria-busy", String(isFetching("api/stats/history/")));
  $("read").hidden = !state.readAt;
  if (!state.readAt) return;
  const seconds = Math.max(0, Math.round(ageNow()));
  const [amount, unit] = seconds < 60 ? [seconds, "second"] : seconds < 7200 ? [Math.round(seconds / 60), "minute"]
    : seconds < 2 * 86400 ? [Math.round(seconds / 3600), "hour"] : [Math.round(seconds / 86400), "day"];
  const at = new Date(state.readAt), time = $("read").querySelector("time");
  if (time.dateTime !== at.toISOString()) [time.dateTime, time.title] = [at.toISOString(), at.toUTCString()];
  change(time, (Date.now() - at > DAY / 2 ? dayAndTime : clock).format(at));
  change($("ago"), relative.format(-amount, unit));
}

// A live region says again what is set again.
function change(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function drawNotice() {
  const { problem } = state;
  let text = "", detail = "";
  if (!state.token) text = "";
  else if (problem) {
    const kept = state.document ? " These are the last numbers that were read." : "";
    const next = state.due < Infinity ? ` Next try at ${isolated(clock.format(state.due))}.` : "";
    text = problem.text + kept + (isFetching("api/stats/") ? "" : next);
    if (problem.detail) detail = `It says: “${problem.detail}” `;
    if (problem.id) detail += `For whoever runs this service: request ${problem.id}, ${new Date(problem.at).toISOString()}.`;
  } else if (state.stale) text = "The database is out of reach. These are the last numbers that were read.";
  else if (state.document && missing().length) text = `${counted(missing().length, "number")} cannot be read at the moment.`;
  change($("notice"), text);
  change($("detail"), detail);
  $("ways").hidden = !problem || !state.token;
}

const counted = (count, what) => `${digits(count)} ${what}${count === 1 ? "" : "s"}`;
const missing = () => names().filter((name) => !isReadable(name));

// Says what a reader who does not see the page would miss.
function say(text) {
  change($("said"), text);
}
