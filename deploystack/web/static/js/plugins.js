/* /plugins: trying one again. */

import { api, sayAfterReload, sayWhatWasLeft, showFailure, text } from "./console.js";
import { busy, isBusy } from "./forms.js";

const status = document.getElementById("status");
sayWhatWasLeft("status");

for (const button of document.querySelectorAll("[data-retry]")) {
  const section = button.closest("[data-plugin]");
  const name = section.dataset.plugin;
  const failure = section.querySelector("[data-failure]");
  button.addEventListener("click", async () => {
    if (isBusy(button)) return;
    showFailure(failure, null);
    status.textContent = text("trying", { name });
    await busy(button, async () => {
      try {
        await api("POST", `/api/plugins/${encodeURIComponent(name)}/retry`);
        sayAfterReload("status", text("works", { name }));
      } catch (error) {
        status.textContent = "";
        showFailure(failure, error);
      }
    });
  });
}
