// Tells the server the order of the rows whenever one was dragged.
(() => {
  "use strict";
  const list = document.getElementById("result_list");
  const told = document.getElementById("order-told");
  if (!list || !told) return;

  list.addEventListener("end", async (event) => {
    if (event.oldIndex === event.newIndex) return;
    const order = new FormData();
    for (const row of list.querySelectorAll("input[name=_selected_action]")) {
      order.append("order", row.value);
    }
    const token = document.querySelector("#changelist-form [name=csrfmiddlewaretoken]");
    let saved = false;
    try {
      const answer = await fetch(location.href, {
        method: "POST", body: order, headers: { "X-CSRFToken": token.value },
      });
      saved = answer.status === 204;
    } catch { /* the network is away: said below */ }
    told.textContent = saved ? told.dataset.saved : told.dataset.failed;
    told.classList.toggle("text-red-700", !saved);
  });
})();
