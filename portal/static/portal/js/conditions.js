// Shows of each condition what fits the chosen fact: its values, or a number. Without this all values are there, in groups.
for (const row of document.querySelectorAll("[data-condition]")) {
  const [fact, op, choice, value] = ["fact", "op", "choice", "value"].map((part) => row.querySelector(`[name^=${part}_]`));
  const groups = [...choice.querySelectorAll("optgroup")];

  function follow() {
    const own = fact.value && groups.find((group) => group.firstElementChild.value.startsWith(`${fact.value}|`));
    choice.replaceChildren(...(own ? [own] : []));
    choice.size = Math.min(8, Math.max(2, choice.options.length + 1));
    choice.hidden = !own;
    value.hidden = !fact.value || (Boolean(own) && !value.value);
    for (const option of op.options) option.hidden = option.disabled = Boolean(own) && !["eq", "in"].includes(option.value);
    if (op.selectedOptions[0]?.disabled) op.value = "eq";
    op.hidden = !fact.value;
  }

  fact.addEventListener("change", () => {
    value.value = "";
    follow();
  });
  follow();
}
