// Enhancements of pages that also work without them. Everything is bound by data- attributes and by delegation,
// so parts loaded later (htmx) need no set-up.
const LINGER = 6000;

// Menus: <details data-menu> closes on a click elsewhere, on Escape and when focus leaves.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details[data-menu][open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Toasts: messages of the server float, disappear after six seconds, and stay while hovered or focused.
const region = document.querySelector("[data-toasts]");

function armToast(toast) {
  if (toast.dataset.armed) return;
  toast.dataset.armed = "yes";
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", region.dataset.closeLabel);
  close.addEventListener("click", () => toast.remove());
  toast.append(close);
  if (toast.matches(".toast--error")) return; // an error waits until it is dismissed
  let timer;
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) start();
      else toast.remove();
    }, LINGER);
  };
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  start();
}

export function toast(text) {
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.toast = "";
  const label = document.createElement("span");
  label.textContent = text;
  box.append(label);
  region?.append(box);
}

if (region) {
  const waiting = [...region.querySelectorAll("[data-toast]")];
  region.replaceChildren();
  region.classList.add("toasts--float");
  new MutationObserver(() => region.querySelectorAll("[data-toast]").forEach(armToast)).observe(region, {
    childList: true,
  });
  // Inserted again a moment later, so that screen readers announce them.
  if (waiting.length) setTimeout(() => region.append(...waiting), 150);
}

// Buttons that only make sense with JavaScript are `hidden` in the page.
for (const button of document.querySelectorAll("[data-copy][hidden], [data-print][hidden], [data-dialog-open][hidden]")) {
  button.hidden = button.matches("[data-copy]") && !navigator.clipboard;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-print], [data-dialog-open], [data-dialog-close]");
  if (button?.matches("[data-copy]")) {
    try {
      const code = button.closest(".code")?.querySelector("code").textContent;
      await navigator.clipboard.writeText(code ?? (button.dataset.copy || location.href.split("#")[0]));
      toast(button.dataset.copied);
    } catch {
      toast(button.dataset.copyFailed || button.dataset.copied);
    }
  } else if (button?.matches("[data-print]")) {
    print();
  } else if (button?.matches("[data-dialog-open]")) {
    document.getElementById(button.dataset.dialogOpen)?.showModal();
  } else if (button) {
    button.closest("dialog")?.close();
  } else if (event.target.matches?.("dialog[open]")) {
    event.target.close(); // a click on the backdrop
  }
});

// An error summary takes focus, on load and after a part of the page was replaced.
const focusErrors = () => document.querySelector("[data-error-summary]")?.focus();
focusErrors();

// Focus that a replaced part held goes to what came instead: to its errors, its heading or its first control.
let around = [];
document.addEventListener("htmx:before:swap", ({ detail }) => {
  around = [];
  for (let box = detail.ctx?.sourceElement; box?.parentElement; box = box.parentElement) {
    around.push([box.parentElement, [...box.parentElement.children].indexOf(box)]);
  }
});
document.addEventListener("htmx:after:swap", () => {
  focusErrors();
  if ((document.activeElement ?? document.body) !== document.body) return;
  const [parent, place] = around.find(([box]) => box.isConnected) ?? [];
  const box = parent?.children[place];
  const goal = box?.querySelector("h2, h3") ?? box?.querySelector("a[href], button, input") ?? box;
  if (goal && goal.tabIndex < 0) goal.tabIndex = -1;
  goal?.focus();
});

// Of tabs that do not fit, the current one is in sight; only its line of tabs moves, not the page.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const [inner, outer] = [tab, tab.parentElement].map((box) => box.getBoundingClientRect());
  tab.parentElement.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
}

// Table of contents: the heading being read is marked.
for (const toc of document.querySelectorAll("[data-toc]")) {
  const links = new Map();
  for (const link of toc.querySelectorAll("a[href^='#']")) {
    const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (heading) links.set(heading, link);
  }
  const headings = [...links.keys()];
  const mark = () => {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight * 0.3);
    const current = passed.at(-1) ?? headings[0];
    for (const [heading, link] of links) {
      if (heading === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  const observer = new IntersectionObserver(mark, { rootMargin: "0px 0px -70% 0px" });
  headings.forEach((heading) => observer.observe(heading));
}

// Variants (one per product): sections with headings become tabs.
// <div data-tabs aria-label="…"><section data-tab><h3>Model 2</h3>…</section>…</div>
document.querySelectorAll("[data-tabs]").forEach((box, index) => {
  const panels = [...box.querySelectorAll(":scope > [data-tab]")];
  if (panels.length < 2) return;
  const list = document.createElement("div");
  list.className = "seg";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", box.getAttribute("aria-label") ?? "");
  const tabs = panels.map((panel, place) => {
    const heading = panel.querySelector("h2, h3, h4");
    const tab = document.createElement("button");
    panel.id ||= `tabs-${index}-${place}`;
    tab.type = "button";
    tab.id = `${panel.id}-tab`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    tab.append(...[...heading.childNodes].map((node) => node.cloneNode(true)));
    heading.hidden = true;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.tabIndex = 0;
    list.append(tab);
    return tab;
  });
  const show = (chosen) => {
    panels.forEach((panel, place) => {
      panel.hidden = place !== chosen;
      tabs[place].setAttribute("aria-selected", String(place === chosen));
      tabs[place].tabIndex = place === chosen ? 0 : -1;
    });
  };
  list.addEventListener("click", (event) => {
    const place = tabs.indexOf(event.target.closest("[role=tab]"));
    if (place >= 0) show(place);
  });
  list.addEventListener("keydown", (event) => {
    const forward = getComputedStyle(list).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const backward = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const place = tabs.indexOf(document.activeElement);
    const next = { [forward]: place + 1, [backward]: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const chosen = (next + tabs.length) % tabs.length;
    show(chosen);
    tabs[chosen].focus();
  });
  box.prepend(list);
  const anchor = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const wanted = panels.findIndex((panel) => anchor && panel.contains(anchor));
  show(Math.max(0, wanted));
});
