// Ties the document to the functions, and begins.

const on = (id, event, listener) => $(id).addEventListener(event, listener);

on("login", "submit", signIn);
on("token", "input", () => $("token").removeAttribute("aria-invalid"));
on("show", "click", () => reveal($("token").type === "password"));
for (const id of ["forget", "another"]) on(id, "click", () => signOut(""));
for (const id of ["refresh", "again"]) on(id, "click", () => { if (!isFetching("api/stats/")) start(); });
on("table", "toggle", drawTable);
for (const event of ["pointermove", "pointerdown"]) on("chart", event, onPointer);
on("chart", "pointerleave", (event) => { if (event.pointerType === "mouse") moveTo(null); });
on("chart", "keydown", onKey);
on("chart", "focus", () => { if (state.position === null && $("chart").matches(":focus-visible")) moveTo(lastKnown(plot?.values ?? [])); });
on("chart", "blur", () => moveTo(null));
on("sections", "keydown", onTileKey);
for (const [name, key] of FLAGS) on(name, "click", () => toggle(name, key));
document.addEventListener("fullscreenchange", onFullscreen);
addEventListener("keydown", (event) => { if (event.key === "Escape" && state.isWall && !document.fullscreenElement) toggle("wall", "isWall"); });
on("csv", "click", saveTable);
on("png", "click", savePicture);
on("dates", "submit", onDates);
on("own", "toggle", onOwn);
on("own", "keydown", (event) => { if (event.key === "Escape") { $("own").open = false; $("own").firstElementChild.focus(); } });
for (const code of document.querySelectorAll("[data-path]")) code.append(location.origin + BASE + code.dataset.path);
for (const input of document.querySelectorAll("[name=days]")) input.addEventListener("change", () => onRange(input.value));
addEventListener("popstate", onAddress);
addEventListener("online", () => { if (state.problem && state.due < Infinity) state.due = 0; tick(); });
document.addEventListener("visibilitychange", tick);
addEventListener("pageshow", tick);
addEventListener("beforeprint", () => { if (plot) drawChart({ clientWidth: 640, clientHeight: 260 }); });
addEventListener("afterprint", () => { if (plot) drawChart(); });
new ResizeObserver(() => { if (hasValues(state.history?.values[state.chosen]) && !$("trend").hidden) drawChart(); }).observe($("chart"));
setInterval(tick, 1000);
recall();
store(stored());
if (state.token) {
  $("login").hidden = true;
  start();
  draw();
} else signOut("");
