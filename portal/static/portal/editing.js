// A draft that saved itself does not stand beside "could not be saved", nor a failure beside "saved".
(() => {
  const { kept } = document.currentScript.dataset;
  const messages = (kind) => document.querySelectorAll(`.messages li.${kind}`);
  document.addEventListener("w-autosave:success", () => {
    for (const message of messages("error")) {
      message.className = "warning";
      const words = [...message.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      for (const [place, node] of words.entries()) node.data = place ? "" : ` ${kept} `;
    }
  });
  document.addEventListener("w-autosave:error", () => {
    for (const message of messages("success")) message.remove();
  });
})();
