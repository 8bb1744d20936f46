// Writing in the community: drafts, formatting, pictures. The forms work without any of this.
//
// <form data-compose="thread:42" data-draft-url="…">: what is typed is kept in the browser at once, which survives a
// sign-out, and on the server after a pause, which survives the device.
const PAUSE = 4000;
// Several people may use a browser: what one of them typed is not offered to another.
const PREFIX = `draft:${document.body.dataset.person}:`;
// What is kept of a form.
const FIELDS = ["title", "body", "area", "product", "tags", "poll_question", "poll_options", "poll_is_multiple", "version"];

// A text that was sent is forgotten on the page that follows, unless that is the same form with errors; before the forms look for
// what is kept.
const sent = sessionStorage.getItem("draft-sent");
if (sent) {
  sessionStorage.removeItem("draft-sent");
  if (!document.querySelector("[data-error-summary], .note--err")) forget(sent);
}

for (const form of document.querySelectorAll("form[data-compose]")) bind(form);

function bind(form) {
  const text = form.elements.body;
  const title = form.elements.title;
  const key = PREFIX + form.dataset.compose;
  const state = form.querySelector("[data-draft-state]");
  const say = (words) => { if (state) state.textContent = words; };
  let timer;
  let isSent = false;

  const stored = read(key);
  const isEmpty = !text.value.trim() && !title?.value.trim();
  if (stored && isEmpty && !document.querySelector("[data-error-summary]")) {
    for (const [name, value] of Object.entries(stored)) {
      const field = form.elements[name];
      if (!field || !value || name === "version") continue;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
      field.closest("details")?.setAttribute("open", "");
    }
    say(state?.dataset.kept ?? "");
  }

  form.addEventListener("input", (event) => {
    if (!FIELDS.includes(event.target.name)) return;
    isSent = false;
    write(key, typed());
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  });

  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    const wish = event.submitter?.value;
    if (wish === "discard") forget(key);
    if (wish !== "post" && wish !== undefined) return;
    if (isSent) {
      event.preventDefault(); // a double click; the token would make one post of it, too
      return;
    }
    isSent = true;
    sessionStorage.setItem("draft-sent", key);
    setTimeout(() => { isSent = false; }, 8000);
  });

  function typed() {
    const data = new FormData(form);
    return Object.fromEntries(FIELDS.filter((name) => data.has(name)).map((name) => [name, data.get(name)]));
  }

  async function save() {
    const data = new FormData();
    const token = form.elements.csrfmiddlewaretoken.value;
    for (const [name, value] of Object.entries({ ...typed(), csrfmiddlewaretoken: token, place: form.dataset.compose })) data.set(name, value);
    try {
      const answer = await fetch(form.dataset.draftUrl, { method: "POST", body: data, redirect: "error" });
      say(answer.ok ? state.dataset.saved : state.dataset.kept);
    } catch {
      say(state?.dataset.kept ?? "");
    }
  }

  const left = form.querySelector("[data-limit]");
  text.addEventListener("input", () => {
    const room = left.dataset.limit - text.value.length;
    left.hidden = room > left.dataset.limit / 10;
    const words = room < 0 ? left.dataset.over : left.dataset.left;
    left.textContent = words.replace("{n}", Math.abs(room).toLocaleString(document.documentElement.lang));
  });
  bindToolbar(form, text);
  bindPictures(form, text);
  text.addEventListener("input", async function offer() {
    const box = form.querySelector("[data-people]");
    if (!box || !text.value.includes("@")) return;
    text.removeEventListener("input", offer);
    (await import(box.dataset.script)).default(box, text, insert);
  });
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    if (value.body.trim() || value.title?.trim()) localStorage.setItem(key, JSON.stringify(value));
    else localStorage.removeItem(key);
  } catch {
    // storage is full or forbidden: the server still has the draft
  }
}

function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // as above
  }
}

// Formatting: Markdown around the selection.
const AROUND = { bold: ["**", "**"], italic: ["*", "*"], link: ["[", "](https://)"], code: ["`", "`"] };
const BEFORE = { list: "- ", quote: "> " };

function bindToolbar(form, text) {
  const bar = form.querySelector("[data-toolbar]");
  if (!bar) return;
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-format]");
    if (!button) return;
    const chosen = text.value.slice(text.selectionStart, text.selectionEnd);
    const name = button.dataset.format;
    if (BEFORE[name]) insert(text, chosen.split("\n").map((line) => BEFORE[name] + line).join("\n"));
    else if (name === "code" && chosen.includes("\n")) insert(text, `\`\`\`\n${chosen}\n\`\`\``);
    else insert(text, AROUND[name][0] + chosen + AROUND[name][1], chosen ? 0 : AROUND[name][1].length);
  });
}

function insert(text, words, back = 0) {
  text.focus();
  // Keeps the browser's own undo, which setRangeText loses.
  if (!document.execCommand("insertText", false, words)) {
    text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (back) text.setSelectionRange(text.selectionEnd - back, text.selectionEnd - back);
}

// Pictures: chosen, pasted or dropped ones are sent at once and named in the text.
function bindPictures(form, text) {
  const box = form.querySelector("[data-pictures]");
  if (!box) return;
  const input = box.querySelector("input[type=file]");
  const problem = box.querySelector("[data-problem]");
  // The caret of a text that came with the page is before it until somebody clicks: pictures go below.
  text.setSelectionRange(text.value.length, text.value.length);
  input.classList.add("sr"); // its label does the same, in the page's language
  form.querySelector("[data-pick]")?.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    await send(files);
  });
  text.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    send(files);
  });
  const editor = text.closest(".editor");
  for (const name of ["dragover", "dragleave", "drop"]) {
    editor.addEventListener(name, (event) => {
      if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
      event.preventDefault();
      editor.classList.toggle("is-over", name === "dragover");
      if (name === "drop") send([...event.dataTransfer.files]);
    });
  }

  async function send(files) {
    problem.hidden = true;
    for (const file of files) {
      const data = new FormData();
      data.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      data.set("picture", file);
      let answer = {};
      try {
        answer = await (await fetch(box.dataset.url, { method: "POST", body: data })).json();
      } catch {
        answer.problem = box.dataset.failed;
      }
      if (answer.markdown) insert(text, `${text.selectionStart ? "\n" : ""}${answer.markdown}\n`);
      else {
        problem.textContent = answer.problem;
        problem.hidden = false;
      }
    }
  }
}
