// Keeps the page fresh: by a socket, else by looking every 30 seconds; or not at all,
// as the switch says, which is remembered.
(() => {
  "use strict";
  const LOOK_EVERY = 30_000;
  const liveness = document.getElementById("liveness");
  const autoRefresh = document.getElementById("auto-refresh");
  const holder = document.getElementById("socket");
  let socket = null;

  const wanted = () => localStorage.getItem("auto-refresh") !== "off";

  function say(state) {
    liveness.dataset.state = state;
    liveness.firstElementChild.textContent = liveness.dataset[state];
  }

  function connect() {
    const live = document.createElement("div");
    live.setAttribute("ws-connect", holder.dataset.address);
    holder.replaceChildren(live);
    htmx.process(live);
  }

  function follow() {
    autoRefresh.setAttribute("aria-checked", wanted());
    if (wanted()) {
      say("away");
      connect();
    } else {
      say("off");
      holder.replaceChildren();
      socket?.close();
    }
  }

  holder.addEventListener("htmx:wsOpen", (event) => {
    socket = event.detail.event.target;
    say("live");
  });
  holder.addEventListener("htmx:wsClose", () => {
    if (wanted()) say("away");
  });

  // A push puts new rows in place of the old: whoever stood on one goes on standing there.
  let stoodOn = "";
  holder.addEventListener("htmx:wsBeforeMessage", () => {
    stoodOn = document.activeElement.id;
  });
  holder.addEventListener("htmx:wsAfterMessage", () => {
    if (document.activeElement === document.body && stoodOn) {
      document.getElementById(stoodOn)?.focus({ preventScroll: true });
    }
  });

  autoRefresh.addEventListener("click", () => {
    localStorage.setItem("auto-refresh", wanted() ? "off" : "on");
    follow();
  });
  setInterval(() => {
    if (liveness.dataset.state === "away") htmx.trigger("#refresh", "look");
  }, LOOK_EVERY);

  // Said to screen readers only when it is news, unlike the table, which is not said.
  htmx.onLoad(() => {
    const summary = document.getElementById("summary");
    const news = document.getElementById("pool").dataset.summary;
    if (summary.textContent !== news) summary.textContent = news;
  });
  follow();
})();
