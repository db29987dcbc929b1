// Buttons that copy what an element shows: <button data-copy="its id">.
const SHOWN_MS = 2000;
const said = document.createElement("span");
said.className = "unseen";
said.setAttribute("role", "status");
document.body.append(said);

const textOf = (element) => {
  if ("value" in element) return element.value;
  const copy = element.cloneNode(true);
  for (const one of copy.querySelectorAll("[data-not-copied]")) one.remove();
  return copy.textContent.replace(/\n$/, "");
};

// Browsers give the clipboard to pages over HTTPS and on localhost only; elsewhere the old way may do.
const copyTheOldWay = (text) => {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
};

const copy = async (text) => {
  if (!navigator.clipboard) return copyTheOldWay(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text);
  }
};

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  const element = button && document.getElementById(button.dataset.copy);
  if (!element) return;
  const done = await copy(textOf(element));
  button.focus();
  const word = button.querySelector("[data-copy-word]");
  if (word) word.textContent = done ? "Copied" : "Select it";
  button.classList.toggle("copy-done", done);
  said.textContent = done ? "Copied" : "This browser does not let us copy: select the text yourself.";
  setTimeout(() => {
    if (word) word.textContent = "Copy";
    button.classList.remove("copy-done");
    said.textContent = "";
  }, SHOWN_MS);
});
