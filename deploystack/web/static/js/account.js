/* /account: one's own names, password and tokens. */

import { api, ask, sayAfterReload, sayWhatWasLeft, sendWith, showFailure, text } from "./console.js";
import { focusOn, revealPasswords, showFieldError } from "./forms.js";

revealPasswords();
sayWhatWasLeft("token-status");

function say(form, message) {
  form.querySelector("[data-status]").textContent = message;
}

sendWith(document.getElementById("profile"), async (form) => {
  say(form, "");
  await api("PUT", "/api/auth/profile/update", Object.fromEntries(new FormData(form)));
  document.querySelector(".who").textContent = form.elements.username.value;
  say(form, text("saved"));
});

sendWith(document.getElementById("password"), async (form) => {
  say(form, "");
  const { current_password, new_password } = Object.fromEntries(new FormData(form));
  await api("PUT", "/api/auth/email/change-password", { current_password, new_password });
  form.reset();
  say(form, text("changed"));
});

sendWith(document.getElementById("token"), async (form) => {
  const found = new FormData(form);
  const error = document.getElementById("scopes-error");
  const scopes = found.getAll("scopes");
  const name = form.elements.name;
  showFieldError(name, name.value.trim() ? "" : text("missing"));
  error.textContent = scopes.length ? "" : text("chooseScopes");
  error.hidden = scopes.length > 0;
  if (!name.value.trim() || !scopes.length) {
    (name.value.trim() ? form.querySelector("[name=scopes]") : name).focus();
    return;
  }
  const answer = await api("POST", "/api/auth/tokens", {
    name: found.get("name"),
    scopes,
    expires_in_days: Number(found.get("expires_in_days")),
  });
  form.reset();
  document.getElementById("token-value").value = answer.token;
  const place = document.getElementById("new-token");
  place.hidden = false;
  focusOn(place);
  await showTokens();
});

/** Show the tokens that there are by now. */
async function showTokens() {
  const answer = await fetch("/account", { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const list = page.getElementById("token-list");
  if (list) document.getElementById("token-list").replaceWith(list);
}

document.getElementById("copy-token").addEventListener("click", async () => {
  const input = document.getElementById("token-value");
  const status = document.getElementById("copy-status");
  try {
    await navigator.clipboard.writeText(input.value);
    status.textContent = text("copied");
  } catch {
    input.select();
    status.textContent = text("notCopied");
  }
});

document.querySelector("[aria-labelledby=tokens]").addEventListener("click", async (event) => {
  const button = event.target.closest("[data-revoke]");
  if (!button) return;
  const { token, name } = button.closest("[data-token]").dataset;
  if (!(await ask(text("revoke", { name }), text("yes"), text("no")))) {
    button.focus();
    return;
  }
  try {
    await api("DELETE", `/api/auth/tokens/${encodeURIComponent(token)}`);
    sayAfterReload("token-status", text("revoked", { name }));
  } catch (error) {
    showFailure(document.getElementById("token-status"), error);
  }
});
