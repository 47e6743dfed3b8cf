/* /users: making, changing and deleting accounts. */

import { api, ask, sayAfterReload, sayWhatWasLeft, sendWith, showFailure, text } from "./console.js";
import { busy, isBusy, revealPasswords } from "./forms.js";

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
  const row = select.closest("[data-user]");
  const { user, name } = row.dataset;
  const save = row.querySelector("[data-save-role]");
  // Not `select.value`: a browser may have kept what was chosen before the page was loaded anew.
  let before = [...select.options].find((option) => option.defaultSelected)?.value;
  const offer = () => {
    save.hidden = select.value === before;
  };
  select.addEventListener("change", offer); // an arrow key chooses; only the button saves
  save.addEventListener("click", async () => {
    if (isBusy(save)) return;
    showFailure(failure, null);
    status.textContent = "";
    const role = select.value;
    try {
      await busy(save, () => api("PUT", `/api/users/${encodeURIComponent(user)}/role`, { role_id: role }));
      before = role;
      status.textContent = text("roleChanged", { name });
      if (document.activeElement === save) select.focus();
    } catch (error) {
      showFailure(failure, error);
    }
    offer();
  });
  offer();
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
