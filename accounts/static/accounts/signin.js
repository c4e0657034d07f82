// Counts down, and copies what a button's data-copies names. Without https there is no
// clipboard to write to: then the text is selected and copied the old way.
(() => {
  "use strict";
  for (const left of document.querySelectorAll("[data-seconds-left]")) {
    const end = Date.now() + Number(left.dataset.secondsLeft) * 1000;
    const show = () => {
      const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    };
    show();
    setInterval(show, 1000);
  }

  async function copy(text) {
    if (window.isSecureContext) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }

  for (const button of document.querySelectorAll("[data-copies]")) {
    const label = button.textContent;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      await copy(document.getElementById(button.dataset.copies).textContent);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
})();
