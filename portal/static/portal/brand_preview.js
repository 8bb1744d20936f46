// The form of the brand: draws the colours anew while they are typed.
const drawing = document.querySelector("[data-brand-preview]");
const fields = ["main", "dark", "accent"].map((name) => [name, document.querySelector(`[name=${name}_colour]`)]);

function draw() {
  const url = new URL(drawing.src);
  for (const [name, field] of fields) url.searchParams.set(name, field.value.trim().replace("#", ""));
  if (url.href !== drawing.src) drawing.src = url.href;
}

for (const [, field] of fields) field?.addEventListener("input", draw);
if (drawing && fields.every(([, field]) => field)) draw();
