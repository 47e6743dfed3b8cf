/* Buttons that copy the text above them. */

/** Let each button `.copy` copy the `pre` beside it. */
export function offerToCopy(root = document) {
  for (const button of root.querySelectorAll(".copy")) {
    button.hidden = false;
    const text = button.textContent;
    button.addEventListener("click", async () => {
      const source = button.parentElement.querySelector("pre");
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        // Without TLS a browser gives no access to the clipboard, but does copy a selection.
        getSelection().selectAllChildren(source);
        document.execCommand("copy");
      }
      button.textContent = button.dataset.copied;
      setTimeout(() => {
        button.textContent = text;
      }, 2000);
    });
  }
}
