"use strict";
// The token, what the API is asked with it and when, and what is known since.

// The page asks this host alone, for the two resources of the API. A stage of API Gateway may come before them, and the
// address of the page may lack the slash at its end.
const BASE = location.pathname.replace(/\/?$/, "/");
const STORED = "openl2m-stats-token";
const LEAST_SECONDS = 10, MOST_SECONDS = 300, HISTORY_SECONDS = 300, TIMEOUT_SECONDS = 35, DAY = 86400000;

const $ = (id) => document.getElementById(id);
// Digits are written as the reader's language writes them, words in the page's own.
const WORDS = navigator.languages.find((each) => /^en\b/.test(each)) ?? "en-GB";
const number = new Intl.NumberFormat();
const signed = new Intl.NumberFormat(undefined, { signDisplay: "exceptZero" });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayAndTime = new Intl.DateTimeFormat(WORDS, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(WORDS, { style: "short" });
const dayFormat = (options) => new Intl.DateTimeFormat(WORDS, { ...options, timeZone: "UTC" });
const longDay = dayFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const shortDay = dayFormat({ day: "numeric", month: "short" });
const month = dayFormat({ month: "short", year: "numeric" });

const state = {
  token: null,
  chosen: null, // the number in the chart, "section.key"
  days: 30,
  document: null, // the last numbers that were read
  readAt: null, // when, by the server's clock
  age: 0, receivedAt: 0, // how old they were when they arrived, and when that was by ours
  history: null, // {days, values: {"section.key": […]}, backfilled: Set}
  noHistory: "", // why there is none
  historyDue: 0,
  failures: 0,
  due: null, timer: null,
  position: null, // the day that the chart's cursor is on
};
let session = 0, historyAsked = 0, today = Date.now();

// ---- The token. A browser that forbids storage gets one that lasts until the next reload.

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
  const token = $("token").value.trim().replace(/^token\s+/i, "");
  if (!/^[0-9a-f]{40}$/.test(token)) {
    refuse(token ? "This is not a token: a token has 40 digits, 0 to 9 and a to f." : "Enter a token.");
    return;
  }
  $("token-error").textContent = "";
  store(token);
  session += 1;
  refresh();
}

function refuse(why) {
  $("token-error").textContent = why;
  $("token").setAttribute("aria-invalid", "true");
  $("token").focus();
  $("token").select();
}

function signOut(why) {
  clearTimeout(state.timer);
  session += 1;
  store(null);
  Object.assign(state, { document: null, readAt: null, history: null, noHistory: "", historyDue: 0, failures: 0, due: null });
  for (const id of ["sections", "focus-label", "focus-value", "change", "chart", "rows"]) $(id).replaceChildren();
  $("numbers").hidden = $("session").hidden = true;
  $("login").hidden = false;
  document.body.classList.remove("busy"); // whatever is under way, its answer is ignored
  tell("", "");
  if (why) refuse(why);
  else {
    $("token").value = "";
    $("token").focus();
  }
}

// ---- Asking the API

async function ask(path, cache) {
  return fetch(BASE + path, {
    headers: { Authorization: `Token ${state.token}` },
    cache, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
  });
}

async function refresh() {
  clearTimeout(state.timer);
  state.due = null;
  const asked = session;
  document.body.classList.add("busy");
  let answer = null, content = null;
  try {
    answer = await ask("api/stats/", "no-store");
    if (answer.ok) content = await answer.json();
  } catch { /* no answer, or none that can be read */ }
  if (asked !== session) return;
  document.body.classList.remove("busy");
  if (answer?.status === 401) {
    signOut(state.document ? "The token is no longer accepted. Enter another." : "This token is not accepted.");
    return;
  }
  if (Object.keys(content?.database ?? {}).length) show(answer, content);
  else fail(answer);
  if (state.document && Date.now() >= state.historyDue) loadHistory(); // before the numbers, it would be of none
}

function show(answer, content) {
  const age = Number(answer.headers.get("Age")) || 0;
  const lifetime = Number(/max-age=(\d+)/.exec(answer.headers.get("Cache-Control"))?.[1] ?? 60);
  const stale = age > lifetime || /detail=stale/.test(answer.headers.get("Cache-Status"));
  const readAt = Date.parse(answer.headers.get("Last-Modified"));
  today = Date.parse(answer.headers.get("Date")) || Date.now();
  Object.assign(state, { age, receivedAt: Date.now(), document: content, readAt: readAt || Date.now() - age * 1000 });
  state.failures = stale ? state.failures + 1 : 0;
  const first = !$("login").hidden;
  $("token").value = "";
  $("login").hidden = true;
  $("numbers").hidden = $("session").hidden = false;
  if (stale) tell("stale", "The database is out of reach. These are the last numbers that were read.");
  else tell("", "");
  drawNumbers();
  if (first) $("focus-label").focus();
  schedule(stale ? patience() : Math.max(LEAST_SECONDS, lifetime - age));
}

function fail(answer) {
  state.failures += 1;
  const wait = Math.max(Number(answer?.headers.get("Retry-After")) || 0, patience());
  const what = !answer ? "The API cannot be reached."
    : answer.status === 503 ? "The statistics cannot be read at the moment."
    : answer.status === 429 ? "The API gets too many requests."
    : answer.ok ? "What the API answers cannot be read."
    : `The API answers with an error (${answer.status}).`;
  const kept = state.document ? " These are the last numbers that were read." : "";
  tell("away", `${what}${kept} Next try at ${clock.format(Date.now() + wait * 1000)}.`);
  $("session").hidden = false;
  $("login").hidden = true;
  schedule(wait);
}

const patience = () => Math.min(LEAST_SECONDS * 2 ** (state.failures - 1), MOST_SECONDS);

function schedule(seconds) {
  state.due = Date.now() + seconds * 1000;
  clearTimeout(state.timer);
  if (!document.hidden) state.timer = setTimeout(refresh, seconds * 1000);
}

// A page that nobody sees asks for nothing.
function onVisibility() {
  clearTimeout(state.timer);
  if (!document.hidden && state.due) schedule(Math.max(0, (state.due - Date.now()) / 1000));
}

async function loadHistory() {
  const asked = (historyAsked += 1), within = session;
  state.historyDue = Infinity;
  const day = (ago) => new Date(today - ago * DAY).toISOString().slice(0, 10);
  let answer = null, content = null;
  try {
    answer = await ask(`api/stats/history/?from=${day(state.days - 1)}&to=${day(0)}`, "no-cache");
    if (answer.ok) content = await answer.json();
  } catch { /* told below */ }
  if (asked !== historyAsked || within !== session) return;
  let next = HISTORY_SECONDS;
  if (content) {
    const values = {};
    for (const section of Object.keys(state.document ?? {}))
      for (const [key, entry] of Object.entries(content[section] ?? {})) values[`${section}.${key}`] = entry.values;
    state.history = { days: content.days, values, backfilled: new Set(content.backfilled) };
    state.noHistory = "";
  } else {
    const kept = state.history?.days.length === state.days;
    if (!kept) state.history = null;
    next = answer?.status === 404 ? 3600 : Number(answer?.headers.get("Retry-After")) || 60;
    state.noHistory = kept ? ""
      : answer?.status === 404 ? "There are no trends: no snapshots are kept here."
      : "The history cannot be read at the moment. The trends appear as soon as it can.";
  }
  state.historyDue = Date.now() + next * 1000;
  drawTrends();
}
