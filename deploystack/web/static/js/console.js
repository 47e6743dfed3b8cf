/* What the scripts of the console have in common: texts, failures, questions, forms. */

import { api, data, Failure } from "./api.js";
import { busy, clearErrors, isBusy, make, showFieldErrors } from "./forms.js";

const TEXTS = data("texts");

/** A text of the page, with `{name}` filled in. */
export function text(name, values = {}) {
  return TEXTS[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** Show a failure in its place, or take it away. What is no failure of the API is raised again. */
export function showFailure(place, error) {
  if (error && !(error instanceof Failure)) throw error;
  if (error?.code === "login_required") location.reload();
  place.textContent = error ? error.message : "";
  place.hidden = !error;
}

/** Ask a question in a dialog; resolves to whether the answer was yes. */
export function ask(question, yes, no) {
  const confirm = make("button", { class: "button button-danger", value: "yes" }, yes);
  const dialog = make(
    "dialog",
    { class: "card", "aria-labelledby": "question" },
    make(
      "form",
      { method: "dialog" },
      make("p", { id: "question" }, question),
      make("p", { class: "actions" }, confirm, make("button", { class: "button button-secondary", value: "no" }, no)),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/**
 * Send a form to the API when it is submitted. Until then its button does nothing.
 *
 * @param {HTMLFormElement} form with an element `[data-failure]`.
 * @param {(form: HTMLFormElement) => Promise<void>} send does it.
 */
export function sendWith(form, send) {
  if (!form) return;
  const failure = form.querySelector("[data-failure]");
  const button = form.querySelector("[type=submit]");
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy(button)) return;
    clearErrors(form);
    showFailure(failure, null);
    await busy(button, async () => {
      try {
        await send(form);
      } catch (error) {
        const isNamed = error.code === "validation_error" && showFieldErrors(form, error.details);
        showFailure(failure, isNamed ? null : error);
      }
    });
  });
}

/** Say something in an element with `role="status"`, also after the page was loaded anew. */
export function sayAfterReload(id, message) {
  sessionStorage.setItem(`said-${id}`, message);
  location.reload();
}

/** Say what was left by the page before this one. */
export function sayWhatWasLeft(id) {
  const message = sessionStorage.getItem(`said-${id}`);
  sessionStorage.removeItem(`said-${id}`);
  const place = document.getElementById(id);
  if (message && place) place.textContent = message;
}

export { api };
