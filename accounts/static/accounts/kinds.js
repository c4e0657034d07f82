// Shows the boxes that the chosen kind of account needs, and sends no others.
(() => {
  "use strict";
  const kind = document.querySelector("select[name=kind]");
  if (!kind) return;
  const client = ["idc", "builder_id"];
  const needs = {
    new_refresh_token: ["social", ...client],
    new_client_id: client,
    new_client_secret: client,
    new_api_key: ["api_key"],
  };

  function show() {
    for (const [name, kinds] of Object.entries(needs)) {
      const box = document.querySelector(`[name=${name}]`);
      const needed = kinds.includes(kind.value);
      box.disabled = !needed;
      box.closest(".field-row").hidden = !needed;
    }
  }
  kind.addEventListener("change", show);
  show();
})();
