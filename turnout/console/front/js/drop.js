// A file dropped on a form [data-drop] is as good as one that was chosen there; one that is too large is not sent.
const fileOf = (form) => form.querySelector('input[type="file"]');

const isTooLarge = (form) => {
  const [file] = fileOf(form).files;
  const said = form.querySelector("[data-drop-said]");
  // The field names the file itself.
  if (said) said.textContent = said.dataset.dropSaid ||= said.textContent;
  if (!file || file.size <= Number(form.dataset.max)) return false;
  if (said) said.textContent = `${file.name} is too large: send it in several parts.`;
  return true;
};

for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("[data-drop]");
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("drop-over", kind === "dragenter" || kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    const input = fileOf(form);
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// Before htmx hears of it.
for (const kind of ["change", "submit"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("[data-drop]");
    if (!form || !isTooLarge(form)) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
}
