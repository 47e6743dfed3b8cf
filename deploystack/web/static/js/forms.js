/* What forms have in common: passwords that can be shown, errors at their fields, buttons at work. */

import { sentence } from "./api.js";

/** Let each password below `root` be shown and hidden. */
export function revealPasswords(root = document) {
  for (const button of root.querySelectorAll("[data-reveals]")) {
    const input = document.getElementById(button.dataset.reveals);
    if (!input || !button.hidden) continue;
    button.hidden = false;
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      button.textContent = shown ? button.dataset.hide : button.dataset.show;
      button.setAttribute("aria-pressed", String(shown));
    };
    button.addEventListener("click", () => show(input.type === "password"));
    // A browser keeps what was typed into a text field, and offers it again; never a password.
    input.form?.addEventListener("submit", () => show(false));
  }
}

/** Show what is wrong at one field; an empty text takes it away. */
export function showFieldError(input, text) {
  const place = document.getElementById(`${input.id}-error`);
  if (place) {
    place.textContent = text;
    place.hidden = !text;
  }
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Show a sentence of the API, with what is in backticks set as code. */
export function say(element, text) {
  const parts = text.split(/`([^`]+)`/);
  element.replaceChildren(...parts.map((part, i) => (i % 2 ? make("code", {}, part) : part)));
}

/** Take all errors of a form away. */
export function clearErrors(form) {
  for (const input of form.querySelectorAll("[aria-invalid]")) showFieldError(input, "");
}

/**
 * Show the `details` of a failure at the fields they name, and focus the first.
 *
 * @returns {boolean} whether any field was named.
 */
export function showFieldErrors(form, details) {
  const named = [];
  for (const [name, messages] of Object.entries(details ?? {})) {
    const input = form.elements.namedItem(name);
    if (!(input instanceof HTMLElement) || !Array.isArray(messages)) continue;
    showFieldError(input, messages.map((text) => sentence(text, text)).join(" "));
    named.push(input);
  }
  [...form.elements].find((input) => named.includes(input))?.focus();
  return named.length > 0;
}

/** Do something while a button, or several, cannot be pressed again. */
export async function busy(buttons, work) {
  const all = [buttons].flat();
  for (const button of all) {
    button.setAttribute("aria-disabled", "true");
    button.classList.add("is-busy");
  }
  try {
    return await work();
  } finally {
    for (const button of all) {
      button.removeAttribute("aria-disabled");
      button.classList.remove("is-busy");
    }
  }
}

/** Return whether a button is at work; then a further press does nothing. */
export function isBusy(button) {
  return button.getAttribute("aria-disabled") === "true";
}

/** Move the focus to a heading or a summary, so that a screen reader reads on from there. */
export function focusOn(element) {
  if (!element) return;
  if (!element.hasAttribute("tabindex")) element.setAttribute("tabindex", "-1");
  element.focus();
}

/** Make an element: `make("p", {class: "hint"}, "text", child)`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
