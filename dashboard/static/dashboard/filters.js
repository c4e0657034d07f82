// A filter holds as soon as it is chosen; empty ones stay out of the address.
(() => {
  "use strict";
  const form = document.getElementById("filters");
  const { span, since, until } = form.elements;

  form.addEventListener("change", (event) => {
    const incomplete = span.value === "own" && !(since.value && until.value);
    if (event.target.matches("[type=text]") || incomplete) return;
    form.requestSubmit();
  });
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      const unused = (name === "since" || name === "until") && span.value !== "own";
      if (!value || unused) event.formData.delete(name);
    }
  });
})();
