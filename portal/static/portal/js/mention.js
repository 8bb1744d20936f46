// People: an @ and the beginning of a name offer those who can be meant. Loaded by compose.js at the first @.
const MENTION = /(?:^|[\s([{«"'،])@([\p{L}\p{N}_.-]{0,30})$/u;
const TYPING = 200;

export default function bindPeople(box, text, insert) {
  const list = box.querySelector("[role=listbox]");
  const status = box.querySelector("[role=status]");
  let combobox;
  let timer;
  let request;

  const typed = () => (text.selectionStart === text.selectionEnd
    ? MENTION.exec(text.value.slice(Math.max(0, text.selectionStart - 60), text.selectionStart))?.[1]
    : undefined);

  function close() {
    clearTimeout(timer);
    request?.abort();
    if (!box.hidden) combobox?.stop();
    box.hidden = true;
    status.textContent = "";
  }

  async function suggest(beginning) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    try {
      combobox ??= new (await import(box.dataset.combobox)).default(text, list, { tabInsertsSuggestions: true });
      const answer = await fetch(`${box.dataset.people}&${new URLSearchParams({ q: beginning })}`, { signal });
      const html = answer.status === 200 ? await answer.text() : "";
      if (signal.aborted || typed() !== beginning) return;
      const template = document.createElement("template");
      template.innerHTML = html;
      if (!template.content.querySelector("[role=option]")) return close();
      if (!box.hidden) combobox.stop();
      list.replaceChildren(template.content);
      for (const [place, option] of [...list.querySelectorAll("[role=option]")].entries()) option.id = `${list.id}-${place}`;
      box.hidden = false;
      combobox.start();
      status.textContent = status.dataset.found;
    } catch {
      if (!signal.aborted) close(); // the name can be typed as well
    }
  }

  function refresh() {
    clearTimeout(timer);
    const beginning = typed();
    if (beginning === undefined) close();
    else timer = setTimeout(() => suggest(beginning), TYPING);
  }

  text.addEventListener("input", refresh);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    close();
    event.preventDefault();
    event.stopPropagation();
  }, true);
  text.addEventListener("blur", () => setTimeout(close, 200)); // a click on a name comes first
  list.addEventListener("combobox-commit", (event) => {
    const beginning = typed() ?? "";
    close();
    text.setSelectionRange(text.selectionStart - beginning.length, text.selectionStart);
    insert(text, `${event.target.dataset.handle} `);
  });
  refresh();
}
