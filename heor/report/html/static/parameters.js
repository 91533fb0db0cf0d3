"use strict";
// The table of parameters: search, filter by status and use, sort by any column.
function searchParameters(words) {
  const table = document.getElementById("parameter-table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const element = (id) => document.getElementById(id);
  const search = element("parameter-search"), status = element("parameter-status"), used = element("parameter-used");

  function filter() {
    const sought = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(sought.every((word) => text.includes(word))
        && (!status.value || row.dataset.status === status.value)
        && (!used.checked || row.dataset.used === "1"));
      shown += !row.hidden;
    }
    element("parameter-count").textContent = Charts.fill(words.count, { shown, all: rows.length });
  }

  /** Numbers by size where the cell carries one, else by its words. */
  function compare(column, a, b) {
    const [x, y] = [a.cells[column], b.cells[column]];
    if (x.dataset.sort !== undefined) return Number(x.dataset.sort) - Number(y.dataset.sort);
    return x.textContent.trim().localeCompare(y.textContent.trim(), undefined, { numeric: true });
  }

  function sort(column, heading) {
    const falling = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const sorted = [...rows].sort((a, b) => compare(column, a, b) * (falling ? -1 : 1));
    body.append(...sorted);
  }

  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(column, heading));
    heading.replaceChildren(button);
  });
  for (const control of [search, status, used]) control.addEventListener("input", filter);
  const form = document.querySelector(".filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
}
