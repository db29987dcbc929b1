// Messages about what was just done. One that offers to undo it stays until it is dismissed; others go, but never while looked at.
const STAYS_MS = 8000;
const MOST = 4;
const place = document.getElementById("toasts");

const watch = (toast) => {
  if (toast.dataset.watched) return;
  toast.dataset.watched = "yes";
  if (toast.querySelector("form")) return;
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => toast.remove(), STAYS_MS);
  };
  const stay = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", stay);
  toast.addEventListener("focusin", stay);
  toast.addEventListener("pointerleave", wait);
  toast.addEventListener("focusout", wait);
  wait();
};

const watchAll = () => {
  const toasts = [...(place?.querySelectorAll("[data-toast]") ?? [])];
  for (const old of toasts.slice(0, -MOST)) old.remove();
  toasts.slice(-MOST).forEach(watch);
};

export const say = (text, kind = "done") => {
  if (!place) return;
  // The same again is said once.
  if ([...place.querySelectorAll("p")].some((one) => one.textContent === text)) return;
  const toast = document.createElement("div");
  toast.className = `toast toast-${kind}`;
  toast.dataset.toast = "";
  toast.setAttribute("role", "status");
  const said = document.createElement("p");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button button-quiet button-small";
  close.dataset.dismiss = "";
  close.textContent = "Dismiss";
  toast.append(said, close);
  place.append(toast);
  // Into a region that is there already: only then is it read out.
  said.textContent = text;
  watchAll();
};

document.addEventListener("click", ({ target }) => {
  target.closest?.("[data-dismiss]")?.closest("[data-toast]")?.remove();
});
document.addEventListener("htmx:after:swap", watchAll);
watchAll();
