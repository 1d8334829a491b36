// Ties the document to the functions, and begins.

$("login").addEventListener("submit", signIn);
$("token").addEventListener("input", () => $("token").removeAttribute("aria-invalid"));
$("forget").addEventListener("click", () => signOut(""));
$("refresh").addEventListener("click", () => { if (!document.body.classList.contains("busy")) refresh(); });
$("table").addEventListener("toggle", drawTable);
$("chart").addEventListener("pointermove", onPointer);
$("chart").addEventListener("pointerdown", onPointer);
$("chart").addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") moveTo(null); });
$("chart").addEventListener("keydown", onKey);
$("chart").addEventListener("focus", () => { if (state.position === null && $("chart").matches(":focus-visible")) moveTo(lastKnown(plot.values)); });
$("chart").addEventListener("blur", () => moveTo(null));
for (const input of document.querySelectorAll("[name=days]")) {
  input.addEventListener("change", () => {
    state.days = Number(input.value);
    state.position = null;
    remember();
    loadHistory();
  });
}
document.addEventListener("visibilitychange", onVisibility);
addEventListener("hashchange", () => {
  recall();
  if (!state.document) return;
  drawNumbers();
  loadHistory();
});
new ResizeObserver(() => { if (state.history && !$("trend").hidden) drawChart(); }).observe($("chart"));
setInterval(() => { if (!document.hidden) drawAge(); }, 1000);
recall();
store(stored());
if (state.token) refresh();
else signOut("");
