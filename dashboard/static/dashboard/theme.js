// Light, dark or as the system: set before the page is drawn, remembered here.
(() => {
  "use strict";
  const CHOICES = ["system", "light", "dark"];
  const root = document.documentElement;

  function choice() {
    const stored = localStorage.getItem("theme");
    return CHOICES.includes(stored) ? stored : "system";
  }

  function show() {
    root.dataset.theme = choice();
    const button = document.getElementById("theme");
    if (button) {
      button.title = button.dataset[choice()];
      button.setAttribute("aria-label", button.title);
    }
  }

  root.classList.add("scripted");
  show();
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      const next = (CHOICES.indexOf(choice()) + 1) % CHOICES.length;
      localStorage.setItem("theme", CHOICES[next]);
      show();
    });
  });
  window.addEventListener("storage", show);
})();
