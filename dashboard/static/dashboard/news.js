// Asks for the part of the page that changes when the socket says so; what the
// reader had opened stays open.
(() => {
  "use strict";
  const AT_MOST_EVERY = 2000;
  const liveness = document.getElementById("liveness");
  let lookedAt = 0;
  let waiting = null;
  let opened = [];

  function say(state) {
    if (!liveness) return;
    liveness.dataset.state = state;
    liveness.firstElementChild.textContent = liveness.dataset[state];
  }

  function look() {
    waiting = null;
    const part = document.getElementById("part");
    if (!part || document.hidden) return;
    lookedAt = Date.now();
    htmx.trigger(part, "news");
  }

  function soon() {
    waiting ??= setTimeout(look, Math.max(0, lookedAt + AT_MOST_EVERY - Date.now()));
  }

  document.addEventListener("htmx:wsOpen", () => say("live"));
  document.addEventListener("htmx:wsClose", () => say("away"));
  document.addEventListener("htmx:wsAfterMessage", soon);
  document.addEventListener("visibilitychange", soon);

  document.addEventListener("htmx:beforeSwap", () => {
    const stoodOn = document.activeElement.id;
    const details = [...document.querySelectorAll("#part details[open]")];
    const rows = [...document.querySelectorAll("#part [aria-expanded=true]")];
    opened = [...details, ...rows].map((element) => element.id);
    document.addEventListener("htmx:afterSwap", () => {
      for (const id of opened) {
        const element = document.getElementById(id);
        if (element?.matches("details")) element.open = true;
        else element?.click();
      }
      if (stoodOn) document.getElementById(stoodOn)?.focus({ preventScroll: true });
    }, { once: true });
  });
})();
