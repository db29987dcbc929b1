// New rows of a live list. At its top they are shown at once; who has gone down, or has the pointer on it, is told how many came,
// and sees them by a click.
// <p data-newcomers="id of the <tbody>" hidden><a href="the list"><span data-newcomers-count>0</span> new</a></p>
const SHOWN = 150;
const HELD = 200;
const SEEN = 40;

const rowsOf = (notice) => document.getElementById(notice.dataset.newcomers);
const held = (rows) => [...rows.querySelectorAll(":scope > tr[data-held]")];

// What a mouse is on; a finger that has touched is gone again.
let pointed = null;
document.addEventListener("pointerover", ({ target, pointerType }) => {
  pointed = pointerType === "mouse" ? target : null;
});
document.documentElement.addEventListener("pointerleave", () => {
  pointed = null;
});

const isTouched = (rows) =>
  rows.contains(document.activeElement) ||
  rows.contains(pointed) ||
  (!document.getSelection().isCollapsed && document.getSelection().containsNode(rows, true));

const isAway = (rows) => {
  const frame = rows.closest(".table-scroll");
  return Boolean(frame?.scrollTop) || rows.getBoundingClientRect().top < 0 || isTouched(rows);
};

// A board whose lines are written anew, not a list that slides: nothing moves away under who looks at it.
const settle = (rows) => {
  if (isTouched(rows)) return;
  const isFresh = (row) => row.matches(".new:not([data-settled])");
  // Further down nobody has seen any.
  for (const row of [...rows.children].filter((row) => !isFresh(row)).slice(0, SEEN)) {
    const again = row.cloneNode(true);
    again.classList.remove("new");
    row.replaceWith(again);
  }
  for (const row of rows.children) if (isFresh(row)) row.dataset.settled = "";
};

const tell = (notice, count) => {
  notice.querySelector("[data-newcomers-count]").textContent = count;
  notice.dataset.count = count;
  notice.hidden = !count;
};

const show = (notice, rows) => {
  for (const row of held(rows)) {
    row.hidden = false;
    delete row.dataset.held;
  }
  tell(notice, 0);
  for (const row of [...rows.children].slice(SHOWN)) row.remove();
  settle(rows);
};

const receive = () => {
  for (const rows of document.querySelectorAll("tbody[data-live-rows]:has(> .new:not([data-settled]))")) settle(rows);
  for (const notice of document.querySelectorAll("[data-newcomers]")) {
    const rows = rowsOf(notice);
    if (!rows) {
      tell(notice, 0);
      continue;
    }
    const came = [...rows.querySelectorAll(":scope > tr.new:not([data-came])")];
    for (const row of came) row.dataset.came = "";
    if (!came.length) continue;
    if (!isAway(rows)) {
      show(notice, rows);
      continue;
    }
    for (const row of came) {
      row.hidden = true;
      row.dataset.held = "";
    }
    for (const row of held(rows).slice(HELD)) row.remove();
    tell(notice, Number(notice.dataset.count ?? 0) + came.length);
  }
};

document.addEventListener("htmx:after:swap", receive);

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-newcomers] a");
  const notice = link?.closest("[data-newcomers]");
  const rows = notice && rowsOf(notice);
  // More than are kept: the list is shown again.
  if (!rows || Number(notice.dataset.count) > HELD || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(notice, rows);
  const frame = rows.closest(".table-scroll");
  if (frame) frame.scrollTop = 0;
  (frame ?? rows).scrollIntoView({ block: "nearest" });
  rows.querySelector("a")?.focus();
});
