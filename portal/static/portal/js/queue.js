// The review queue by keyboard. Without this script every act is a button of a form.
const queue = document.querySelector("[data-queue]");
const items = [...queue.querySelectorAll("[data-queue-item]")];
// What the moderator was at, or what came after it; the first when they begin.
const here = queue.querySelector("[data-queue-here]") ?? items[0];
const UNDO_SECONDS = 10;

queue.querySelector("[data-keys]").hidden = false;

function current() {
  return items.findIndex((item) => item.contains(document.activeElement));
}

function go(step) {
  const at = current();
  const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), items.length - 1);
  items[next]?.focus();
}

function hide(item) {
  const details = item.querySelector("[data-hide]");
  if (!details) return;
  details.open = true;
  details.querySelector("select").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  // By the place of the key as well: on a Persian keyboard the same keys give Persian letters.
  const key = /^Key[AHJKU]$/.test(event.code) ? event.code[3].toLowerCase() : event.key.toLowerCase();
  const item = items[Math.max(current(), 0)];
  if (key === "j") go(1);
  else if (key === "k") go(-1);
  else if (key === "a" && item) item.querySelector('[data-key="a"]')?.click();
  else if (key === "h" && item) hide(item);
  else if (key === "u") queue.querySelector('[data-key="u"]')?.click();
  else return;
  event.preventDefault();
});

const done = queue.querySelector("[data-done]");
if (done) setTimeout(() => done.remove(), UNDO_SECONDS * 1000);
here?.focus({ preventScroll: here === items[0] && Boolean(done) });
