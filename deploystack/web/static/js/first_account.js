/* The third step: the administrator's account. */

import { api, data } from "./api.js";
import {
  busy, clearErrors, focusOn, isBusy, revealPasswords, say, showFieldError, showFieldErrors,
} from "./forms.js";
import { strength } from "./strength.js";

const form = document.getElementById("account");
const notice = document.getElementById("failure");
const button = form.querySelector("[type=submit]");
const meter = document.getElementById("strength");
const rules = data("rules");
const texts = data("strength-texts");
const input = (name) => form.elements.namedItem(name);
const FIELD_OF = { weak_password: "password", username_taken: "username", email_taken: "email" };

function measure() {
  const names = [input("username").value, input("email").value];
  const found = strength(input("password").value, names, rules, texts);
  meter.dataset.level = found.level;
  const said = meter.querySelector("[role=status]");
  if (said.textContent !== found.text) said.textContent = found.text;
}

meter.hidden = false;
form.addEventListener("input", measure);

async function send() {
  clearErrors(form);
  notice.hidden = true;
  const body = Object.fromEntries(["username", "email", "password"].map((n) => [n, input(n).value]));
  try {
    await busy(button, () => api("POST", "/api/auth/email/register", body));
    location.assign("/setup/done");
  } catch (failure) {
    show(failure);
  }
}

function show(failure) {
  // Somebody else was faster, or the token was renewed: /setup knows what is next.
  if (failure.status === 401 || failure.code === "registration_disabled") {
    location.assign("/setup");
  } else if (failure.code in FIELD_OF) {
    const field = input(FIELD_OF[failure.code]);
    showFieldError(field, failure.sentence);
    field.focus();
  } else if (failure.code !== "validation_error" || !showFieldErrors(form, failure.details)) {
    say(notice.querySelector(".failure-sentence"), failure.sentence);
    notice.hidden = false;
    focusOn(notice);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!isBusy(button)) send();
});

revealPasswords();
measure();
focusOn(document.querySelector("[data-focus], [aria-invalid]") ?? document.querySelector("[data-focus-quietly]"));
