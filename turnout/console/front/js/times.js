// Times as people say them, "3 min ago"; the full time stays in the title, and keeps the place, so that nothing moves.
const EVERY_MS = 15_000;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const say = (seconds) => {
  const ahead = seconds < 0;
  const far = Math.abs(seconds);
  const round = (unit, name) => {
    // What is nearly a whole one ahead is one: a link that is good for 7 days says so, also a moment later.
    const count = Math.floor(ahead ? far / unit + 0.1 : far / unit);
    return ahead ? `in ${count} ${name(count)}` : `${count} ${name(count)} ago`;
  };
  if (far < 10) return ahead ? "in a moment" : "just now";
  if (far < MINUTE) return round(1, () => "s");
  if (far < HOUR) return round(MINUTE, () => "min");
  if (far < DAY) return round(HOUR, () => "h");
  if (far < 14 * DAY) return round(DAY, (count) => (count === 1 ? "day" : "days"));
  return null;
};

const show = () => {
  for (const time of document.querySelectorAll("time[data-when]")) {
    const text = say((Date.now() - Date.parse(time.dateTime)) / 1000);
    let short = time.querySelector(".when-short");
    if (text === null) {
      short?.remove();
      time.classList.remove("when-said");
      continue;
    }
    if (!short) {
      short = document.createElement("span");
      short.className = "when-short";
      time.append(short);
    }
    if (short.textContent !== text) short.textContent = text;
    time.classList.add("when-said");
  }
};

show();
setInterval(show, EVERY_MS);
document.addEventListener("htmx:after:swap", show);
