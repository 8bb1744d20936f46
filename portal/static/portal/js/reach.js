// Counts the members of an offer whenever its conditions change. Without this there is the button "Count the members".
const shown = document.querySelector("[data-reach]");
const form = shown?.closest("form");
let timer;
let running;

async function count() {
  running?.abort();
  running = new AbortController();
  const data = new FormData(form);
  data.append("count", "1");
  try {
    const answer = await fetch(form.action || location.href, {
      method: "POST",
      body: data,
      headers: { "X-Requested-With": "fetch" },
      signal: running.signal,
    });
    if (answer.ok || answer.status === 422) shown.innerHTML = await answer.text();
  } catch (error) {
    if (error.name !== "AbortError") shown.replaceChildren();
  }
}

form?.addEventListener("input", (event) => {
  if (!/^(fact|op|choice|value|joined|holdout|starts|ends|placements|cost|budget)/.test(event.target.name)) return;
  clearTimeout(timer);
  timer = setTimeout(count, 600);
});
