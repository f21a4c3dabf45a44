"use strict";
// Sorting and paging of tables, the switch for ellipses, and a test of all this for "#selftest".
(() => {
  const problems = [];
  addEventListener("error", (event) => problems.push(event.message));
  addEventListener("securitypolicyviolation", (event) => problems.push(`blocked: ${event.blockedURI}`));

  const words = new Intl.Collator("en", { numeric: true });

  function key(row, column) {
    const cell = row.cells[column];
    if (!("v" in cell.dataset)) return cell.textContent;
    const value = Number(cell.dataset.v === "inf" ? "Infinity" : cell.dataset.v);
    return value;
  }

  // What is not known stays last, whichever way the rest is sorted.
  function compare(one, other, sign) {
    if (typeof one === "string") return sign * words.compare(one, other);
    const lost = Number(Number.isNaN(one)) - Number(Number.isNaN(other));
    return lost || (Number.isNaN(one) ? 0 : sign * (one - other));
  }

  function sort(table, column) {
    const heads = table.tHead.rows[0].cells;
    const numeric = [...table.tBodies[0].rows].some((row) => "v" in row.cells[column].dataset);
    const before = heads[column].getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const way = before === null ? first : before === "ascending" ? "descending" : "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", way);
    const sign = way === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
    rows.sort((one, other) => compare(one[0], other[0], sign));
    table.tBodies[0].append(...rows.map((entry) => entry[1]));
    table.dispatchEvent(new Event("sorted"));
  }

  function paged(table) {
    const size = Number(table.dataset.page);
    const rows = table.tBodies[0].rows;
    const last = Math.ceil(rows.length / size) - 1;
    let page = 0;
    const bar = document.createElement("div");
    bar.className = "pager";
    const label = document.createElement("span");
    label.setAttribute("aria-live", "polite");
    const steps = [["Previous", -1], ["Next", 1]].map(([name, step]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => { page += step; show(); });
      return button;
    });
    function show() {
      for (let i = 0; i < rows.length; i++) rows[i].hidden = Math.floor(i / size) !== page;
      label.textContent = `rows ${page * size + 1} to ${Math.min((page + 1) * size, rows.length)} of ${rows.length}`;
      steps[0].disabled = page === 0;
      steps[1].disabled = page === last;
    }
    table.addEventListener("sorted", () => { page = 0; show(); });
    bar.append(steps[0], label, steps[1]);
    table.closest(".scroll").after(bar);
    show();
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => sort(table, column));
    });
    if (table.dataset.page) paged(table);
  }

  const all = document.getElementById("all-ellipses");
  const gallery = document.querySelector(".gallery");
  if (all && gallery) {
    const follow = () => gallery.classList.toggle("all-ellipses", all.checked);
    all.addEventListener("change", follow);
    follow();
  }

  // The chosen landmark's card appears beside the map; the page need not jump for that.
  function choose() {
    for (const link of document.querySelectorAll("a.landmark")) {
      link.classList.toggle("chosen", link.getAttribute("href") === location.hash);
    }
  }
  addEventListener("hashchange", choose);
  choose();

  // Sorts every table by every head, both ways, and measures every drawing. The outcome is in the root element's
  // data-selftest, where a headless browser's dump of the page shows it.
  function selftest() {
    let clicks = 0;
    for (const table of document.querySelectorAll("table.sortable")) {
      const buttons = table.tHead.querySelectorAll("button");
      buttons.forEach((button, column) => {
        const orders = [1, 2].map(() => {
          button.click();
          clicks += 1;
          const sign = button.closest("th").getAttribute("aria-sort") === "ascending" ? 1 : -1;
          const keys = [...table.tBodies[0].rows].map((row) => key(row, column));
          for (let i = 1; i < keys.length; i++) {
            if (compare(keys[i - 1], keys[i], sign) > 0) problems.push(`not sorted by ${button.textContent}`);
          }
          return sign;
        });
        if (orders[0] === orders[1]) problems.push(`one way only: ${button.textContent}`);
      });
    }
    let drawings = 0;
    for (const svg of document.querySelectorAll("svg")) {
      const box = svg.getBoundingClientRect();
      const inside = svg.getBBox();
      if (!(box.width > 0 && box.height > 0 && inside.width > 0)) problems.push(`empty: ${svg.getAttribute("aria-label")}`);
      drawings += 1;
    }
    const pictures = [...document.querySelectorAll("image")];
    const decoded = pictures.map((picture) => {
      const image = new Image();
      image.src = picture.getAttribute("href");
      return image.decode().catch(() => problems.push("a picture is damaged"));
    });
    Promise.all(decoded).then(() => {
      const outcome = { clicks, drawings, pictures: pictures.length, problems };
      document.documentElement.dataset.selftest = JSON.stringify(outcome);
    });
  }
  if (location.hash === "#selftest") selftest();
})();
