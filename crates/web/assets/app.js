// Small additions to pages that are complete without scripts.
"use strict";

// Relative times grow older; the absolute time in the title stays right without this.
function refreshTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const passed = (Date.now() - Date.parse(time.dateTime)) / 1000;
    if (passed >= 60 && passed < 3600) time.textContent = Math.floor(passed / 60) + " min ago";
    else if (passed >= 3600 && passed < 43200) time.textContent = Math.floor(passed / 3600) + " h ago";
  }
}
setInterval(refreshTimes, 60000);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button || !navigator.clipboard) return;
  const source = document.getElementById(button.dataset.copy);
  navigator.clipboard.writeText(source.textContent.trim()).then(() => {
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  });
});

// Copy buttons only exist where copying works.
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;

// "Select all on this page" needs a script; without one every row has its own box.
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-select-all]");
  if (!all) return;
  for (const box of document.querySelectorAll("input[name=" + all.dataset.selectAll + "]")) box.checked = all.checked;
});

// Single keys, inert while typing.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const target = document.querySelector('[data-key="' + CSS.escape(event.key) + '"]');
  if (target) { event.preventDefault(); target.click(); target.focus(); }
});
