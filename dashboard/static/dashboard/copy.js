// Copies what a button's data-copies names. Without https there is no clipboard to
// write to: then the text is selected and copied the old way.
(() => {
  "use strict";
  function select(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }

  async function copy(element) {
    if (window.isSecureContext) return navigator.clipboard.writeText(element.textContent);
    select(element);
    document.execCommand("copy");
  }

  for (const button of document.querySelectorAll("[data-copies]")) {
    const label = button.textContent;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      await copy(document.getElementById(button.dataset.copies));
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
})();
