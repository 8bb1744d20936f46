// Theme: light, dark or as the device. Without JavaScript the same form posts to the server.
// The server renders `data-theme` from the cookie; the background request stores the choice of signed-in people.
const root = document.documentElement;
const YEAR = 365 * 24 * 60 * 60;
const BARS = { light: "#FBF9F4", dark: "#0A1220" };

function paintBrowserBar(theme) {
  for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
    const own = meta.media.includes("dark") ? "dark" : "light";
    meta.content = BARS[theme] ?? BARS[own];
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-form]");
  const theme = event.submitter?.value;
  if (!form || !theme) return;
  event.preventDefault();
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; max-age=${YEAR}; path=/; samesite=lax${secure}`;
  root.dataset.theme = theme;
  paintBrowserBar(theme);
  for (const button of document.querySelectorAll("[data-theme-form] button[name=theme]")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  const data = new FormData(form);
  data.set("theme", theme);
  fetch(form.action, { method: "POST", body: data, redirect: "manual", keepalive: true }).catch(() => {});
  const menu = form.closest("details[data-menu]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
