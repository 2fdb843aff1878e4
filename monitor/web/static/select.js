// Selecting many incidents: a box for all, and how many are chosen.
"use strict";
(() => {
  const boxes = () => [...document.querySelectorAll("#current input[name=id]")];

  function count() {
    const chosen = document.getElementById("chosen");
    if (!chosen) return;
    const some = boxes().filter((box) => box.checked).length;
    const text = some ? `${some} ${chosen.dataset.some}` : chosen.dataset.none;
    if (chosen.textContent !== text) chosen.textContent = text;
    document.getElementById("bulk").toggleAttribute("data-some", some > 0);
    const every = document.getElementById("every");
    if (every) every.checked = some > 0 && some === boxes().length;
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "every") for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.closest("#current")) count();
  });
  document.addEventListener("htmx:after:swap", count);
  count();
})();
