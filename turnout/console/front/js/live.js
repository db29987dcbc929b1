// Whether a live page hears from us, and a button that lets it stand still. [hx-sse:connect] holds, or is named by, [data-live].
const paused = new WeakMap();

const lampOf = (element) => element.querySelector("[data-live]") ?? document.querySelector("[data-live]");

const show = (element, state, text) => {
  const lamp = lampOf(element);
  if (!lamp) return;
  const word = lamp.querySelector("[data-live-text]");
  const said = text ?? word?.dataset.word ?? "updating";
  if (lamp.dataset.live !== state) lamp.dataset.live = state;
  if (word && word.textContent !== said) word.textContent = said;
  const button = lamp.querySelector("[data-live-pause]");
  if (button) button.disabled = false;
};

const refresh = (element) => {
  if (!element.id) return;
  htmx.ajax("GET", location.href, { target: `#${element.id}`, select: `#${element.id}`, swap: "outerMorph" });
};

document.addEventListener("htmx:sse:after:connection", ({ target }) => show(target, paused.get(target) ? "paused" : "live"));
document.addEventListener("htmx:sse:error", ({ target }) => show(target, "lost", "connecting again"));
// Who may see it no more, or is signed out, is shown what the page says now.
document.addEventListener("htmx:sse:error", ({ detail }) => {
  if ([401, 403, 404].includes(detail?.status)) location.reload();
});
document.addEventListener("htmx:sse:after:connection", ({ detail }) => {
  if (detail?.connection?.status === 204) location.reload();
});

// What stands around the live part, when somebody has set the event up otherwise.
document.addEventListener("turnout:changed", () => {
  htmx.ajax("GET", location.href, { target: "#content", select: "#content", swap: "outerMorph" });
});

// htmx comes again when a stream breaks off, but not where none began: the server may just be starting.
const BEGIN_AGAIN_MS = 2_000;
const beginAgain = ({ target, detail }) => {
  if (!(target instanceof Element) || !target.hasAttribute("hx-sse:connect") || target._htmx?.sse) return;
  const { status = 0 } = detail.ctx?.response ?? {};
  if (status >= 400 && status < 500) return show(target, "lost", "not updating");
  show(target, "lost", "connecting again");
  setTimeout(() => {
    if (target.isConnected) htmx.ajax("GET", target.getAttribute("hx-sse:connect"), { source: target });
  }, BEGIN_AGAIN_MS);
};
document.addEventListener("htmx:error", beginAgain);
document.addEventListener("htmx:response:error", beginAgain);

document.addEventListener("htmx:sse:close", ({ target, detail }) => {
  if (detail?.reason === "ended") show(target, "lost", "not updating");
});

document.addEventListener("htmx:sse:before:message", (event) => {
  const state = paused.get(event.target);
  if (!state) return;
  state.missed += 1;
  show(event.target, "paused", "paused, there is news");
  event.preventDefault();
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-live-pause]");
  if (!button) return;
  const connected = "[hx-sse\\:connect]";
  const element = button.closest(connected) ?? document.querySelector(connected);
  if (!element) return;
  const state = paused.get(element);
  if (state) {
    paused.delete(element);
    if (state.missed) refresh(element);
    show(element, "live");
  } else {
    paused.set(element, { missed: 0 });
    show(element, "paused", "paused");
  }
  button.setAttribute("aria-pressed", String(!state));
  button.textContent = state ? "Pause" : "Go on";
});
