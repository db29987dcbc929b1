// Asking back without leaving the page: <a href="a page that asks" data-dialog="id of a dialog">.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-dialog]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog) return;
    event.preventDefault();
    dialog.showModal();
    return;
  }
  // A click beside an open dialog closes it.
  if (event.target instanceof HTMLDialogElement) event.target.close();
});
