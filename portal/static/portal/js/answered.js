// The page is the same for everybody; whether this device has answered its question is asked only where it has.
const ANSWERED = "answered";
const KEPT = 50;
function answered(address) {
  try {
    const known = JSON.parse(localStorage.getItem(ANSWERED)) ?? [];
    if (!address) return known;
    localStorage.setItem(ANSWERED, JSON.stringify([address, ...known.filter((other) => other !== address)].slice(0, KEPT)));
  } catch {
    // Storage is full, denied or damaged: the question is asked again.
  }
  return [];
}
document.addEventListener("htmx:after:swap", () => {
  const done = document.querySelector("#feedback[data-answered]");
  if (done) answered(done.dataset.answered);
});
const question = document.querySelector("form#feedback[data-came-from]");
const address = question?.getAttribute("action");
if (question && answered().includes(address)) {
  const language = question.elements.namedItem("language").value;
  const answer = await fetch(`${address}?${new URLSearchParams({ language, answered: 1 })}`, { headers: { "HX-Request": "true" } });
  if (answer.ok) {
    question.outerHTML = await answer.text();
    window.htmx?.process(document.getElementById("feedback"));
  }
}
