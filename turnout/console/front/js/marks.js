// A long text shows the first place that is marked in it: <pre data-marked>.
const show = () => {
  for (const text of document.querySelectorAll("pre[data-marked]:not([data-seen])")) {
    text.dataset.seen = "";
    const first = text.querySelector(".mark-number-problem") ?? text.querySelector(".mark-number");
    if (!first) continue;
    const place = first.getBoundingClientRect().top - text.getBoundingClientRect().top;
    text.scrollTop += place - text.clientHeight / 3;
  }
};

document.addEventListener("htmx:after:swap", show);
show();
