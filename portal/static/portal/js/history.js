// Fills in the page of this site from which the reader came; sent only with the form.
try {
  const from = new URL(document.referrer);
  if (from.origin === location.origin) {
    for (const form of document.querySelectorAll("form[data-came-from]")) {
      const field = form.elements.namedItem("came_from");
      if (field && !field.value) field.value = from.pathname + from.search;
    }
  }
} catch {
  // No referrer: the fields stay empty.
}
