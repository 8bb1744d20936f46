// Suggestions under a search form. The form works without them; this adds a combobox (WAI-ARIA).
// The server answers `?q=…` with links of role="option", optionally in groups, a `.pop__foot` (moved outside the list)
// and a `[data-status]` whose text is announced.
const PAUSE = 150;
const SHORTEST = 2;
const STORE = "recent-searches";
const KEPT = 5;

// Values stored on this device; none if storage is full, denied or damaged.
function stored(name, value) {
  try {
    if (value === undefined) return JSON.parse(localStorage.getItem(name));
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    return null;
  }
}

function recent() {
  const list = stored(STORE);
  return Array.isArray(list) ? list.filter((text) => typeof text === "string").slice(0, KEPT) : [];
}

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function enhance(form) {
  const input = form.querySelector("input[name=q]");
  const pop = form.querySelector("[data-suggest-pop]");
  const list = form.querySelector("[data-suggest-list]");
  const status = form.querySelector("[data-suggest-status]");
  if (!input || !pop || !list) return;
  let combobox;
  let timer;
  let request;
  let shown = ""; // the query text of the open list

  const target = (text) => `${form.action}?${new URLSearchParams({ q: text })}`;
  const chosen = () => list.querySelector("[aria-selected=true]");

  function stop() {
    clearTimeout(timer);
    request?.abort();
  }

  function close() {
    stop(); // a pending response must not open the list again
    if (!pop.hidden) combobox?.stop();
    pop.hidden = true;
    status.textContent = "";
  }

  function fill(content, text) {
    const foot = content.querySelector(".pop__foot");
    const said = content.querySelector("[data-status]");
    const options = content.querySelectorAll("[role=option]");
    if (!options.length || document.activeElement !== input) return close();
    foot?.remove();
    said?.remove();
    options.forEach((option, place) => {
      option.id ||= `${list.id}-${place}`;
      option.tabIndex = -1;
    });
    pop.querySelector(":scope > .pop__foot")?.remove();
    list.replaceChildren(content);
    if (foot) pop.append(foot);
    combobox.stop();
    pop.hidden = false;
    combobox.start();
    list.scrollTop = 0;
    shown = text;
    status.textContent = said?.textContent.trim() ?? "";
  }

  function showRecent() {
    const texts = recent();
    const prepared = form.querySelector("template[data-suggest-empty]")?.content.cloneNode(true);
    const content = document.createDocumentFragment();
    if (texts.length) {
      const label = make("div", { class: "pop__label", id: `${list.id}-recent` }, form.dataset.labelRecent);
      const group = make("div", { class: "pop__group", role: "group", "aria-labelledby": label.id }, label);
      for (const text of texts) {
        group.append(make("a", { class: "opt", role: "option", href: target(text) }, make("bdi", {}, text)));
      }
      const clear = make("button", { type: "button" }, form.dataset.labelClear);
      clear.addEventListener("click", () => {
        stored(STORE, []);
        close();
        input.focus();
      });
      content.append(group);
      if (prepared) content.append(prepared);
      content.append(make("div", { class: "pop__foot" }, clear));
    } else if (prepared) {
      content.append(prepared);
    }
    fill(content, "");
  }

  async function suggest(text) {
    request = new AbortController();
    const { signal } = request;
    try {
      const answer = await fetch(`${form.dataset.suggestUrl}?${new URLSearchParams({ q: text })}`, {
        signal,
        headers: { Accept: "text/html", "X-Requested-With": "fetch" },
      });
      const html = answer.ok ? await answer.text() : "";
      if (signal.aborted) return;
      const template = document.createElement("template");
      template.innerHTML = html;
      fill(template.content, text);
    } catch {
      if (!signal.aborted) close();
    }
  }

  function refresh(pause) {
    stop(); // the last request wins
    const text = input.value.trim();
    if (text.length < SHORTEST) {
      if (text) close();
      else showRecent();
    } else if (pop.hidden || text !== shown) {
      timer = setTimeout(() => suggest(text), pause);
    }
  }

  async function ready() {
    if (combobox || !form.dataset.combobox) return;
    const { default: Combobox } = await import(form.dataset.combobox);
    combobox ??= new Combobox(input, list, { tabInsertsSuggestions: false });
    input.addEventListener("input", () => refresh(PAUSE));
    input.addEventListener("focus", () => refresh(0));
    input.addEventListener("click", () => refresh(0));
    if (document.activeElement === input && (!input.value || input.value !== input.defaultValue)) refresh(0);
  }
  input.addEventListener("focus", ready, { once: true });
  if (document.activeElement === input) ready();

  // Keys the library does not handle; registered before its own listener.
  form.addEventListener(
    "keydown",
    (event) => {
      if (event.target !== input || pop.hidden || event.isComposing) return;
      const option = chosen();
      if (event.key === "Escape") {
        close();
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        open(option?.href ?? target(input.value.trim()), "_blank", "noopener");
      } else if (option && (event.key === "Home" || event.key === "End")) {
        combobox.clearSelection();
        combobox.navigate(event.key === "Home" ? 1 : -1);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );

  form.addEventListener("focusout", (event) => {
    if (!form.contains(event.relatedTarget)) close();
  });
  pop.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("a, button")) event.preventDefault(); // keep focus in the field
  });
  form.addEventListener("submit", () => {
    const text = input.value.trim();
    if (text) stored(STORE, [text, ...recent().filter((old) => old !== text)].slice(0, KEPT));
  });
  form.addEventListener("reset", () => setTimeout(() => input.focus()));
}

const forms = [...document.querySelectorAll("form[data-search]")];
forms.filter((form) => form.dataset.suggestUrl).forEach(enhance);

// Reports which answer was chosen, but not by whom.
function chose({ target, button }) {
  const hit = button < 2 && target.closest?.("a")?.closest("[data-hit]");
  if (!hit) return;
  const form = hit.closest("form");
  const asked = new URLSearchParams(location.search);
  const all = [...document.querySelectorAll(form ? "[role=option]" : ".best, .res")];
  navigator.sendBeacon?.(
    `${(form ?? forms[0]).action}click/`,
    new URLSearchParams({
      q: form ? form.q.value : asked.get("q"),
      page: asked.get("page") ?? "",
      hit: hit.dataset.hit,
      place: all.indexOf(hit) + 1 || 1,
      source: form ? "suggestions" : "results",
    }),
  );
}
document.addEventListener("click", chose);
document.addEventListener("auxclick", chose);

// "/" focuses the search field, or opens the search page, unless the shortcut is switched off on this device.
for (const box of document.querySelectorAll("[data-slash]")) {
  box.checked = stored("slash") !== false;
  box.closest("[hidden]").hidden = false;
  box.addEventListener("change", () => stored("slash", box.checked));
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (stored("slash") === false || event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]")) return;
  const form = forms.find((candidate) => candidate.offsetParent);
  const link = document.querySelector("a[data-search-link]");
  if (!form && !link) return;
  event.preventDefault();
  if (form) form.querySelector("input[name=q]").focus();
  else link.click();
});
