// The review queue by keyboard. Without this script every act is a button of a form that loads the page again.
const queue = document.querySelector("[data-queue]");
const said = queue.querySelector("[data-said]");
const UNDO_SECONDS = 10;
let items = [];
let isSent = false;

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

// Begins with the part of the page that decisions change: when it was loaded, and when it was replaced.
function begin() {
  items = [...queue.querySelectorAll("[data-queue-item]")];
  // What the moderator was at, or what came after it; the first when they begin, the title when nothing is left.
  const here = queue.querySelector("[data-queue-here]") ?? items[0] ?? queue.querySelector("h1");
  const done = queue.querySelector("[data-done]");
  queue.querySelector("[data-keys]").hidden = false;
  here.focus({ preventScroll: here === items[0] && Boolean(done) });
  said.textContent = "";
  if (!done) return;
  // Screen readers tell what changes, not what a page begins with, nor the same words again.
  setTimeout(() => {
    if (done.isConnected) said.textContent = done.querySelector("span").textContent.trim();
  }, 100);
  setTimeout(() => {
    if (done.contains(document.activeElement)) here.focus();
    done.remove();
  }, UNDO_SECONDS * 1000);
}

// Sends a decision and puts what the answer shows in the place of what was there: no page is loaded.
async function send(form) {
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = answer.ok && page.querySelector("[data-queue-part]");
    if (!part) throw new Error(answer.status); // signed out meanwhile, for example: the browser shows what it is
    scrollTo(0, 0);
    queue.querySelector("[data-queue-part]").replaceWith(part);
    document.querySelector("[data-toasts]")?.append(...page.querySelectorAll("[data-toast]"));
    begin();
    isSent = false;
    history.replaceState(history.state, "", answer.url);
  } catch {
    form.submit();
  }
}

document.addEventListener("submit", (event) => {
  // A second key or click before the answer is there would decide about something else.
  if (isSent) event.preventDefault();
  else if (event.target.closest("[data-queue-part]")) {
    event.preventDefault();
    send(event.target);
  }
  isSent = true;
});
addEventListener("pageshow", () => {
  isSent = false;
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  // By the place of the key as well: on a Persian keyboard the same keys give Persian letters.
  const key = /^Key[AHJKU]$/.test(event.code) ? event.code[3].toLowerCase() : event.key.toLowerCase();
  const hiding = event.target.closest("[data-hide][open]");
  const reason = event.target.closest("[data-hide] select");
  if (hiding && key === "escape") {
    hiding.open = false;
    hiding.closest("[data-queue-item]").focus();
  } else if (reason?.value && (key === "h" || key === "enter")) {
    if (!event.repeat) reason.form.requestSubmit();
  } else if (reason && (key === "h" || key === "enter")) {
    const hint = reason.parentElement.querySelector("[data-choose]");
    hint.hidden = false;
    said.textContent = hint.textContent;
  } else if (event.target.closest("input, textarea, select, [contenteditable]")) {
    return;
  } else if (key === "j") {
    go(1);
  } else if (key === "k") {
    go(-1);
  } else if ("ahu".includes(key)) {
    // Not for a key that is held down: each press is one decision.
    const item = items[Math.max(current(), 0)];
    if (event.repeat) return;
    if (key === "h" && item) hide(item);
    else (key === "u" ? queue : item)?.querySelector(`[data-key="${key}"]`)?.click();
  } else {
    return;
  }
  event.preventDefault();
});

begin();
