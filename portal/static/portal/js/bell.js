// The bell: its newest entries open below it, and its number is asked for once a minute while the page is seen.
// Without this script it is a link to the page with all notifications.
const PAUSE = 60_000;
const bell = document.querySelector("[data-notifications-link]");

async function refresh() {
  try {
    const answer = await fetch(`${bell.pathname}count/`, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) return;
    const { shown, label } = await answer.json();
    const badge = bell.querySelector("[data-badge]");
    badge.textContent = shown;
    badge.hidden = !shown;
    bell.setAttribute("aria-label", label);
  } catch {
    // Offline: asked again in a minute.
  }
}

function poll() {
  let timer;
  let asked = Date.now();
  const ask = () => {
    asked = Date.now();
    refresh();
  };
  const start = () => {
    clearInterval(timer);
    if (document.visibilityState !== "visible") return;
    if (Date.now() - asked >= PAUSE) ask();
    timer = setInterval(ask, PAUSE);
  };
  document.addEventListener("visibilitychange", start);
  start();
}

function close(returnFocus) {
  const pop = document.getElementById("bell-pop");
  if (!pop) return;
  pop.remove();
  bell.setAttribute("aria-expanded", "false");
  if (returnFocus) bell.focus();
}

async function open() {
  const answer = await fetch(`${bell.pathname}recent/`, { headers: { Accept: "text/html", "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected) throw new Error(`${answer.status}`);
  close();
  const pop = document.createElement("div");
  pop.id = "bell-pop";
  pop.className = "pop bellpop";
  pop.tabIndex = -1;
  pop.setAttribute("role", "region");
  pop.setAttribute("aria-label", bell.getAttribute("aria-label"));
  pop.innerHTML = await answer.text();
  bell.after(pop);
  bell.setAttribute("aria-expanded", "true");
  (pop.querySelector("a") ?? pop).focus();
}

if (bell) {
  if (location.pathname !== bell.pathname) {
    bell.setAttribute("aria-expanded", "false");
    bell.setAttribute("role", "button");
    bell.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      if (document.getElementById("bell-pop")) close(true);
      else open().catch(() => location.assign(bell.href));
    });
    bell.addEventListener("keydown", (event) => {
      if (event.key === " ") {
        event.preventDefault();
        bell.click();
      }
    });
    document.addEventListener("click", (event) => {
      if (!event.target.closest("#bell-pop, [data-notifications-link]")) close();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close(Boolean(document.activeElement?.closest("#bell-pop")));
    });
    document.addEventListener("focusout", (event) => {
      const pop = event.target.closest?.("#bell-pop");
      if (pop && event.relatedTarget && !pop.contains(event.relatedTarget) && event.relatedTarget !== bell) close();
    });
  }
  poll();
}
