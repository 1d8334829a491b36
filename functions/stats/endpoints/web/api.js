// Requests to the API: which, and when.

// The page sends requests to its own host only. A stage of API Gateway may precede the paths, and the page's address may
// lack the slash at its end.
const BASE = location.pathname.replace(/\/?$/, "/");
const LEAST_SECONDS = 10, MOST_SECONDS = 300, HISTORY_SECONDS = 300, TIMEOUT = 35000;
const calls = new Set(); // those under way

// Returns the status (0: no answer), the headers, and the content (null: none that can be read).
async function get(path, cache) {
  const call = { path, controller: new AbortController(), since: Date.now() };
  calls.add(call);
  let answer = null, content = null;
  try {
    answer = await fetch(BASE + path, {
      headers: { Authorization: `Token ${state.token}` }, cache, redirect: "error", signal: call.controller.signal,
    });
    content = await answer.json();
  } catch { /* no answer, or none that can be read */ }
  calls.delete(call);
  const header = (name) => answer?.headers.get(name) ?? null;
  return { status: call.controller.signal.aborted ? 0 : answer?.status ?? 0, ok: Boolean(answer?.ok), header, content, since: call.since };
}

const isFetching = (path) => [...calls].some((call) => call.path.startsWith(path));

function start() {
  state.historyDue = state.pastDue = 0;
  refresh();
}

async function refresh() {
  state.due = Infinity;
  const within = session, run = get("api/stats/", "no-store");
  if (Date.now() >= state.historyDue) loadHistory();
  drawStatus();
  const answer = await run;
  if (within !== session) return;
  if (answer.status === 401) {
    signOut(state.document ? "The token is no longer accepted. Enter another." : "This token is not accepted.");
    return;
  }
  if (answer.ok && isDocument(answer.content)) show(answer);
  else if (!answer.status && Date.now() - answer.since > 2 * TIMEOUT) state.due = 0; // the computer slept meanwhile
  else fail(answer);
  draw();
  tick();
}

const isObject = (value) => typeof value === "object" && value !== null;
const isDocument = (content) => isObject(content) && isObject(content.database) && isObject(content.usage);

function show({ header, content, since }) {
  const age = Number(header("Age")) || 0;
  const lifetime = Number(/max-age=(\d+)/.exec(header("Cache-Control"))?.[1] ?? 60);
  const stale = age > lifetime || /detail=stale/.test(header("Cache-Status"));
  const sent = Date.parse(header("Date")) || Date.now();
  Object.assign(state, {
    age, lifetime, stale, sentAt: since, document: content, problem: null, ahead: sent - Date.now(),
    readAt: Date.parse(header("Last-Modified")) || since - age * 1000,
    failures: stale ? state.failures + 1 : 0,
  });
  state.due = Date.now() + 1000 * (stale ? patience() : Math.max(LEAST_SECONDS, lifetime - age));
}

function fail({ status, ok, header, content }) {
  state.failures += 1;
  const isFinal = !ok && status >= 400 && status < 500 && status !== 429 && status !== 408; // asking again would change nothing
  const wait = Math.max(Number(header("Retry-After")) || 0, patience());
  state.due = isFinal ? Infinity : Date.now() + wait * 1000;
  const text = !status ? (navigator.onLine ? "The API cannot be reached." : "This device is offline.")
    : ok ? "The API’s answer cannot be read."
    : status === 403 ? "Something in front of the API refuses the request (403)."
    : status === 404 ? "There is no API at this address (404)."
    : status === 429 ? "The API gets too many requests (429)."
    : status === 503 ? "The statistics cannot be read at the moment."
    : `The API answers with an error (${status}).`;
  const detail = content?.detail ?? content?.message;
  state.problem = {
    text, detail: typeof detail === "string" && !ok ? detail : "",
    id: header("apigw-requestid") ?? header("x-amzn-requestid") ?? "", at: Date.now(), status,
  };
}

const patience = () => Math.min(LEAST_SECONDS * 2 ** (state.failures - 1), MOST_SECONDS);

// Once a second, and whenever the page is seen again. Clocks of timers stop while a computer sleeps: what is due is
// decided by the time of day. A page in the background sends no requests.
function tick() {
  const now = Date.now();
  for (const call of calls) if (now - call.since > TIMEOUT) call.controller.abort();
  if (document.hidden || !state.token) return;
  if (now < state.sentAt) state.due = 0; // the clock was set back, and the numbers' age is unknown
  if (now >= state.due && !isFetching("api/stats/")) refresh();
  else if (now >= state.historyDue) loadHistory();
  else if (now >= state.pastDue && state.document && !isFetching("api/stats/history/")) loadPast();
  drawStatus();
}
