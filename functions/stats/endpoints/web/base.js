"use strict";
// What the other files share: elements, and how numbers, times and days are written.

const DAY = 86400000;
const $ = (id) => document.getElementById(id);
const element = (name, ...rest) => fill(document.createElement(name), ...rest);
const shape = (name, ...rest) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), ...rest);

function fill(made, attributes = {}, ...children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Digits are written as the reader's language writes them, words in the page's own.
const WORDS = navigator.languages.find((each) => /^en\b/.test(each)) ?? "en-GB";
const number = new Intl.NumberFormat();
const signed = new Intl.NumberFormat(undefined, { signDisplay: "exceptZero" });
const short = new Intl.NumberFormat(undefined, { signDisplay: "exceptZero", notation: "compact" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dayAndTime = new Intl.DateTimeFormat(WORDS, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(WORDS, { style: "short" });
const dayFormat = (options) => new Intl.DateTimeFormat(WORDS, { ...options, timeZone: "UTC" });
const longDay = dayFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const shortDay = dayFormat({ day: "numeric", month: "short" });
const month = dayFormat({ month: "short", year: "numeric" });

// What is written from right to left must not reorder the English words around it.
const isolated = (text) => (/[\u0590-\u08ff]/.test(text) ? `\u2068${text}\u2069` : text);
const digits = (value) => isolated(number.format(value));
const difference = (value, format = signed) => isolated(format.format(value));

// Days are text, such as 2026-11-26.
const instantOf = (day) => Date.parse(`${day}T00:00:00Z`);
const shifted = (day, days) => new Date(instantOf(day) + days * DAY).toISOString().slice(0, 10);

// Such formats take long to make. Of a zone that this browser does not know, the days are those of UTC.
const walls = {};

function wallIn(zone) {
  const made = (timeZone) => new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  try {
    return (walls[zone] ??= made(zone));
  } catch {
    return (walls[zone] = made("UTC"));
  }
}

const dayIn = (zone, instant) => wallIn(zone).format(instant).slice(0, 10);
