// The switch between light, dark and what the system says.
const group = document.querySelector("[data-themes]");

if (group) {
  const buttons = [...group.querySelectorAll("[data-theme-choice]")];
  const show = () => {
    const chosen = document.documentElement.dataset.theme ?? "";
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
  };
  group.hidden = false;
  group.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-theme-choice]");
    if (!button) return;
    const chosen = button.dataset.themeChoice;
    if (chosen) document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
    try {
      if (chosen) localStorage.setItem("turnout-theme", chosen);
      else localStorage.removeItem("turnout-theme");
    } catch {
      // Storage may be forbidden: then it holds for this page.
    }
    show();
    document.dispatchEvent(new Event("turnout:theme"));
  });
  show();
}
