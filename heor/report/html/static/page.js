"use strict";
// Starts the parts of the page.
(() => {
  const model = Decision.read(JSON.parse(document.getElementById("data").textContent));
  exploreThreshold(model);
  searchParameters(model.words.parameters);

  // a box that has nothing to scroll is no stop for the Tab key
  const boxes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      if (scrolls) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll(".scroll")) boxes.observe(box);

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
