// Opens the details of a row, and closes them.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[aria-controls].opens");
  if (!button) return;
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", open);
  document.getElementById(button.getAttribute("aria-controls")).hidden = !open;
});
