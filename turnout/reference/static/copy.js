// Gives every block of code a button that copies it, where the browser lets us.
if (navigator.clipboard) {
  for (const figure of document.querySelectorAll("figure.code")) {
    const caption = figure.querySelector("figcaption");
    const code = figure.querySelector("code");
    if (!caption || !code) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${caption.textContent.trim()}`);
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    said.className = "unseen";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
        said.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => {
        button.textContent = "Copy";
        said.textContent = "";
      }, 2000);
    });
    caption.append(button, said);
  }
}
