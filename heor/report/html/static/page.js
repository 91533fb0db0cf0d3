"use strict";
// Starts the parts of the page.
(() => {
  const model = Decision.read(JSON.parse(document.getElementById("data").textContent));
  exploreThreshold(model);
  searchParameters(model.words.parameters);

  const contents = document.querySelector(".contents details");
  contents.open = window.matchMedia("(min-width: 64rem)").matches;
  const print = document.getElementById("print");
  print.hidden = false;
  print.addEventListener("click", () => window.print());

  // on paper nothing can be opened: what belongs to the report is shown, numbers behind charts are not
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details.more:not([open])")];
    for (const details of closed) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
