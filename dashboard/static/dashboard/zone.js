// Tells the server the reader's time zone: days and tables are of that.
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.addEventListener("DOMContentLoaded", () => {
    const base = document.querySelector(".brand").pathname;
    document.cookie = `zone=${zone}; path=${base}; max-age=31536000; samesite=lax`;
    if (document.documentElement.dataset.zone !== zone && window.htmx) {
      const part = document.getElementById("part");
      if (part) htmx.trigger(part, "news");
    }
  });
})();
