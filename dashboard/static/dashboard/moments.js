// Times in the reader's own zone and language; distances grow as time goes by.
(() => {
  "use strict";
  const language = document.documentElement.lang;
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const distance = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const day = { day: "numeric", month: "short" };

  const SHAPES = {
    exact: (when) => when.toLocaleString(language, { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }),
    clock: (when) => when.toLocaleTimeString(language, { hour12: false }),
    day: (when) => when.toLocaleDateString(language,
      when.getFullYear() === new Date().getFullYear() ? day : { ...day, year: "numeric" }),
    distance: (when) => {
      const seconds = (when - Date.now()) / 1000;
      const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
      return distance.format(unit === "second" ? 0 : Math.trunc(seconds / size), unit);
    },
  };

  function write(within) {
    for (const time of within.querySelectorAll("time[data-shape]")) {
      const when = new Date(time.dateTime);
      time.textContent = SHAPES[time.dataset.shape](when);
      time.title = exact.format(when);
    }
  }

  htmx.onLoad(write);
  setInterval(() => write(document), 20_000);
})();
