// While an article gets its title: published articles that may say it already, below the title.
(() => {
  const start = () => {
    const box = document.querySelector("[data-similar-url]");
    const title = document.querySelector("#id_title");
    if (!box || !title) return;
    let timer;
    let asked = box.dataset.firstTitle ? "" : title.value.trim();
    const ask = async () => {
      const wanted = title.value.trim();
      if (wanted === asked) return;
      asked = wanted;
      const answer = await fetch(`${box.dataset.similarUrl}&title=${encodeURIComponent(wanted)}`);
      if (answer.ok && !answer.redirected && wanted === asked) box.innerHTML = await answer.text();
    };
    title.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 500);
    });
    ask();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
