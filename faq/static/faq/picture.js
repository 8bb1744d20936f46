// When a picture is chosen, what it shows is filled in from its description, unless somebody has written it already.
(() => {
  const nameOfFile = /^(img|dsc|screenshot)?[-_ \d]*$|\.(png|jpe?g|webp|gif|svg)$/i;
  class PictureBlockDefinition extends window.wagtailStreamField.blocks.StructBlockDefinition {
    render(placeholder, prefix, initialState, initialError) {
      const block = super.render(placeholder, prefix, initialState, initialError);
      const alternative = document.getElementById(`${prefix}-alt`);
      let filled = initialState?.image?.default_alt_text || "";
      block.childBlocks.image.widget.addEventListener("chosen", ({ detail }) => {
        const words = detail.default_alt_text || "";
        if ((alternative.value === filled || !alternative.value.trim()) && !nameOfFile.test(words)) {
          alternative.value = words.slice(0, alternative.maxLength > 0 ? alternative.maxLength : undefined);
          alternative.dispatchEvent(new Event("input", { bubbles: true }));
        }
        filled = words;
      });
      return block;
    }
  }
  window.telepath.register("faq.blocks.PictureBlock", PictureBlockDefinition);
})();
