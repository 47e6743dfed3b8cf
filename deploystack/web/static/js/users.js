/* /users: making, changing and deleting accounts. */

import { api, ask, sayAfterReload, sayWhatWasLeft, sendWith, showFailure, text } from "./console.js";
import { revealPasswords } from "./forms.js";

const failure = document.getElementById("failure");
const status = document.getElementById("status");
revealPasswords();
sayWhatWasLeft("status");

sendWith(document.getElementById("create"), async (form) => {
  const body = Object.fromEntries(new FormData(form));
  const answer = await api("POST", "/api/users", body);
  sayAfterReload("status", text("created", { name: answer.user.username }));
});

for (const select of document.querySelectorAll("[data-role]")) {
  const { user, name } = select.closest("[data-user]").dataset;
  let before = select.value;
  select.addEventListener("change", async () => {
    showFailure(failure, null);
    status.textContent = "";
    try {
      await api("PUT", `/api/users/${encodeURIComponent(user)}/role`, { role_id: select.value });
      before = select.value;
      status.textContent = text("roleChanged", { name });
    } catch (error) {
      select.value = before;
      showFailure(failure, error);
    }
  });
}

for (const button of document.querySelectorAll("[data-delete]")) {
  const row = button.closest("[data-user]");
  button.addEventListener("click", async () => {
    showFailure(failure, null);
    if (!(await ask(text("delete", { name: row.dataset.name }), text("yes"), text("no")))) {
      button.focus();
      return;
    }
    try {
      await api("DELETE", `/api/users/${encodeURIComponent(row.dataset.user)}`);
      sayAfterReload("status", text("deleted", { name: row.dataset.name }));
    } catch (error) {
      showFailure(failure, error);
    }
  });
}
