// The picker of dates in the solar calendar, for inputs with `data-solar` (portal.core.solar_dates), wherever and
// whenever they appear. The calendar itself is the browser's; days are UTC dates. Without this script dates are typed.
const DAY = 86400000;
const formatter = new Intl.DateTimeFormat("en-u-ca-persian-nu-latn", {
  year: "numeric", month: "numeric", day: "numeric", timeZone: "UTC",
});
const parts = (date) =>
  Object.fromEntries(formatter.formatToParts(date).map(({ type, value }) => [type, parseInt(value, 10)]));
const latin = (text) => text.replace(/[۰-۹٠-٩]/g, (digit) => digit.charCodeAt(0) & 15);
const shifted = (date, days) => new Date(date.getTime() + days * DAY);

/** The number of a day in its year: six months of 31 days, then of 30. */
const ofYear = (month, date) => (month - 1) * 31 - Math.max(0, month - 7) + date;

let input, words, panel, day;

const digits = (text) =>
  words.digits === "fa" ? String(text).replace(/\d/g, (digit) => "۰۱۲۳۴۵۶۷۸۹"[digit]) : String(text);
const two = (number) => String(number).padStart(2, "0");

/** The typed date, or today. */
function typed() {
  const match = latin(input.value).match(/(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})/);
  const today = new Date(Date.now() - new Date().getTimezoneOffset() * 60000);
  if (!match) return shifted(new Date(0), Math.floor(today / DAY));
  const [year, month, date] = match.slice(1).map(Number);
  if (year > 1500) return new Date(Date.UTC(year, month - 1, date));
  let found = new Date(Date.UTC(year + 621, 2, 18) + ((month - 1) * 30.4 + date) * DAY);
  found = shifted(new Date(0), Math.floor(found / DAY));
  for (let step = 0; step < 12; step++) {
    const is = parts(found);
    const off = (year - is.year) * 365 + ofYear(month, date) - ofYear(is.month, is.day);
    if (!off) break;
    found = shifted(found, off);
  }
  return found;
}

function element(name, attributes, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/** Moves by months; the day stays if the other month has it. */
function byMonths(count) {
  const { day: wanted } = parts(day);
  let other = shifted(day, 15 - wanted);
  other = shifted(other, count * 30.4);
  other = shifted(new Date(0), Math.floor(other / DAY));
  const month = parts(other).month;
  other = shifted(other, wanted - parts(other).day);
  while (parts(other).month !== month) other = shifted(other, -1);
  day = other;
}

function draw(focused = true) {
  const now = parts(day);
  const head = element("div", { class: "solar__head" });
  for (const [sign, count] of [["previous", -1], ["next", 1]]) {
    const button = element("button", { type: "button", class: "button button-small button-secondary" }, words[sign]);
    button.addEventListener("click", () => { byMonths(count); draw(); });
    head.append(button);
  }
  head.firstChild.after(element("strong", { "aria-live": "polite" }, `${words.months[now.month - 1]} ${digits(now.year)}`));
  const grid = element("div", { class: "solar__days", role: "group" });
  for (const name of words.days) grid.append(element("abbr", { title: name }, name[0]));
  let each = shifted(day, 1 - now.day);
  const blank = (each.getUTCDay() + 1) % 7;
  for (; parts(each).month === now.month; each = shifted(each, 1)) {
    const date = each, is = parts(date);
    const button = element("button", { type: "button", tabindex: is.day === now.day ? 0 : -1 }, digits(is.day));
    button.setAttribute("aria-label", `${words.days[(date.getUTCDay() + 1) % 7]} ${digits(is.day)} ${words.months[is.month - 1]} ${digits(is.year)}`);
    if (is.day === 1) button.setAttribute("class", `solar__first-${blank}`);
    if (is.day === now.day) button.setAttribute("aria-current", "date");
    button.addEventListener("click", () => { day = date; choose(); });
    grid.append(button);
  }
  panel.replaceChildren(head, grid);
  if (focused) grid.querySelector("[aria-current]").focus();
}

function choose() {
  const { year, month, day: date } = parts(day);
  const time = latin(input.value).match(/\d{1,2}:\d{2}/);
  const withTime = input.dataset.solarTime !== undefined ? ` ${time ? time[0] : "00:00"}` : "";
  input.value = digits(`${year}/${two(month)}/${two(date)}${withTime}`);
  for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
  close(true);
}

function close(focused) {
  panel?.remove();
  panel = undefined;
  if (focused) { input.dataset.solarQuiet = ""; input.focus(); delete input.dataset.solarQuiet; }
}

function open(target, focused) {
  if (panel && target === input) return focused && draw();
  close(false);
  input = target;
  words = JSON.parse(target.dataset.solar);
  panel = element("div", { class: "solar", role: "dialog", "aria-label": words.label });
  input.after(panel);
  day = typed();
  draw(focused);
}

const KEYS = { ArrowUp: -7, ArrowDown: 7, PageUp: "-", PageDown: "+" };
document.addEventListener("keydown", (event) => {
  const target = event.target.closest?.("input[data-solar]");
  if (target && event.key === "ArrowDown") { open(target, true); event.preventDefault(); }
  if (!panel) return;
  if (event.key === "Escape") { close(true); event.stopPropagation(); event.preventDefault(); }
  if (!event.target.closest(".solar__days")) return;
  const side = document.dir === "rtl" ? -1 : 1;
  const move = { ...KEYS, ArrowRight: side, ArrowLeft: -side, Home: 1 - parts(day).day }[event.key];
  if (move === undefined) return;
  if (typeof move === "string") byMonths(move === "-" ? -1 : 1);
  else day = shifted(day, move);
  draw();
  event.preventDefault();
}, true);
document.addEventListener("click", (event) => {
  const target = event.target.closest?.("input[data-solar]");
  if (target) open(target, false);
  else if (panel && event.target.isConnected && !panel.contains(event.target)) close(false);
});
document.addEventListener("focusin", (event) => {
  if (panel && event.target !== input && !panel.contains(event.target)) close(false);
});
