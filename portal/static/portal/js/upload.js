// Uploads of editors show how far they are. Without a script the browser sends the form as any other.
const digits = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form?.querySelector("input[type=file]")?.files.length) return;
  event.preventDefault();
  const bar = form.querySelector("[data-upload-bar]");
  const state = form.querySelector("[data-upload-state]");
  const button = form.querySelector("button[type=submit]");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  bar.hidden = state.hidden = false;
  button.disabled = true;
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = (100 * loaded) / total;
    state.textContent = digits.format(loaded / total);
  });
  request.addEventListener("load", () => {
    if (request.status < 400) {
      location.assign(request.responseURL);
      return;
    }
    // The answer is the page with what is wrong in its form.
    const answer = new DOMParser().parseFromString(request.responseText, "text/html");
    const again = answer.querySelector("form[data-upload]");
    if (again) form.replaceWith(again);
    else form.submit();
  });
  request.addEventListener("error", () => form.submit());
  request.send(new FormData(form));
});
