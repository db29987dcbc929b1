// The search box: / goes to it, arrows go through what it found, Escape closes that.
const box = document.getElementById("find");
const found = document.getElementById("found");

if (box && found) {
  const links = () => [...found.querySelectorAll("a[href]")];
  const clear = () => found.replaceChildren();

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });

  box.closest("search").addEventListener("keydown", (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape") {
      clear();
      box.focus();
    } else if (event.key in steps) {
      const all = [box, ...links()];
      const next = all.indexOf(document.activeElement) + steps[event.key];
      if (all.length < 2) return;
      event.preventDefault();
      all[(next + all.length) % all.length].focus();
    }
  });

  document.addEventListener("focusin", ({ target }) => {
    if (!target.closest?.("search.find")) clear();
  });
  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.("search.find")) clear();
  });
  box.addEventListener("input", () => {
    if (!box.value.trim()) clear();
  });
}
