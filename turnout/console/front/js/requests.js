// htmx's requests: the token that shows they come from our pages, and what is said when one fails.
import { say } from "./toasts.js";

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

document.addEventListener("htmx:config:request", ({ detail }) => {
  const { request } = detail.ctx;
  if (request.method !== "GET") request.headers["X-CSRF-Token"] = token();
});

// A live page comes back by itself, and says so where it is.
const isLive = (target) => target instanceof Element && target.hasAttribute("hx-sse:connect");

document.addEventListener("htmx:response:error", ({ target, detail }) => {
  if (isLive(target)) return;
  const { status } = detail.ctx.response;
  if (status === 403) say("That is not allowed, or the page is too old: load it again.", "warning");
  else if (status === 404) say("That is not here any more.", "warning");
  else if (status >= 500) say("Turnout could not answer. Try again in a moment.", "warning");
});

document.addEventListener("htmx:error", ({ target }) => {
  if (isLive(target)) return;
  say("Turnout cannot be reached. Check the connection, and try again.", "warning");
});
