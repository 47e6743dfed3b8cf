/* /settings/GROUP: saving, and noticing what others have changed meanwhile. */

import { data, sentence } from "./api.js";
import { api, showFailure, text } from "./console.js";
import { busy, clearErrors, focusOn, isBusy, make, showFieldError, showFieldErrors } from "./forms.js";

const { settings: known, etag: firstEtag } = data("state");
const form = document.getElementById("settings");
const failure = document.getElementById("failure");
const status = document.getElementById("status");
const save = document.getElementById("save");
const bar = document.getElementById("save-bar");
const discard = document.getElementById("discard");
let etag = firstEtag;

/** One setting on the page. */
class Field {
  constructor(place) {
    this.place = place;
    this.key = place.dataset.setting;
    this.input = form.elements.namedItem(this.key);
    this.conflict = place.querySelector("[data-conflict]");
    this.toDefault = place.querySelector("[data-default]");
    this.secret = place.querySelector("[data-secret]");
    this.intent = "keep"; // of a secret: keep, replace or clear
    this.toDefault?.addEventListener("click", () => {
      this.show(known[this.key].default);
      this.input.focus();
      tell();
    });
    for (const intent of ["replace", "clear", "keep"]) {
      this.button(intent)?.addEventListener("click", () => this.want(intent, true));
    }
  }

  button(intent) {
    return this.secret?.querySelector(`[data-${intent}]`);
  }

  get value() {
    return this.input.type === "checkbox" ? String(this.input.checked) : this.input.value;
  }

  get isChanged() {
    return this.secret ? this.intent !== "keep" : this.value !== known[this.key].value;
  }

  /** What is sent to the API: what is wanted now, whatever is typed until the answer comes. */
  get wanted() {
    return { field: this, intent: this.intent, value: this.intent === "clear" ? "" : this.value };
  }

  /** Take over that something is saved. What was typed since is a change of its own. */
  saved({ intent, value }, now) {
    Object.assign(known[this.key], { is_set: now.is_set, updated_at: now.updated_at });
    if (!this.secret) {
      if (this.value === value) this.show(now.value);
      known[this.key].value = now.value;
    } else if (this.intent === intent && (intent === "clear" || this.value === value)) {
      this.want("keep");
    }
  }

  focus() {
    if (this.secret && this.intent !== "replace") this.button(this.intent === "keep" ? "replace" : "keep").focus();
    else this.input.focus();
  }

  show(value) {
    if (this.input.type === "checkbox") this.input.checked = value === "true";
    else this.input.value = value;
  }

  /** Decide what becomes of a secret. */
  want(intent, isAsked = false) {
    this.intent = intent;
    const isSet = known[this.key].is_set;
    this.input.hidden = this.input.disabled = intent !== "replace";
    if (intent !== "replace") this.input.value = "";
    const badge = this.secret.querySelector("[data-secret-state]");
    badge.textContent = {
      keep: text(isSet ? "set" : "unset"),
      replace: text("replaced"),
      clear: text("cleared"),
    }[intent];
    badge.classList.toggle("badge-success", intent === "keep" && isSet);
    badge.classList.toggle("badge-warning", intent !== "keep");
    const replace = this.button("replace");
    replace.textContent = text(isSet ? "replace" : "setIt");
    replace.hidden = intent === "replace";
    this.button("clear").hidden = intent === "clear" || !isSet;
    this.button("keep").hidden = intent === "keep";
    if (isAsked) this.focus();
    tell();
  }

  /** Begin anew from what is known. */
  reset() {
    this.settle();
    showFieldError(this.input, "");
    if (this.secret) this.want("keep");
    else this.show(known[this.key].value);
  }

  settle() {
    this.conflict.hidden = true;
    this.conflict.replaceChildren();
  }

  /** Show what somebody else has made of it, beside what is typed here, and let people choose. */
  dispute(theirs) {
    const written = (value) => (this.secret ? text("secret") : value === "" ? text("nothing") : value);
    const mine = this.secret ? text(this.intent === "clear" ? "nothing" : "secret") : written(this.value);
    const keep = make("button", { type: "button", class: "button button-secondary" }, text("keepMine"));
    const take = make("button", { type: "button", class: "button button-secondary" }, text("takeTheirs"));
    keep.addEventListener("click", () => {
      this.settle();
      this.decided();
    });
    take.addEventListener("click", () => {
      this.reset();
      this.decided();
    });
    this.conflict.replaceChildren(
      make("p", {}, make("strong", {}, text("conflict"))),
      make(
        "dl",
        { class: "facts" },
        make("div", {}, make("dt", {}, text("theirs")), make("dd", {}, make("code", {}, written(theirs.value)))),
        make("div", {}, make("dt", {}, text("yours")), make("dd", {}, make("code", {}, mine))),
      ),
      make("p", { class: "actions" }, keep, take),
    );
    this.conflict.hidden = false;
  }

  decided() {
    tell();
    if (!firstDispute()) showFailure(failure, null);
    this.focus();
  }
}

const fields = [...form.querySelectorAll("[data-setting]")].map((place) => new Field(place));
const changed = () => fields.filter((field) => field.isChanged);
const firstDispute = () => fields.map((field) => field.conflict).find((conflict) => !conflict.hidden);

/** Tell how many changes are unsaved. */
function tell() {
  const number = changed().length;
  status.textContent = number === 0 ? "" : number === 1 ? text("one") : text("several", { number });
  discard.hidden = number === 0;
  bar.classList.toggle("is-needed", number > 0);
  for (const field of fields) {
    field.place.classList.toggle("is-changed", field.isChanged);
    if (field.toDefault) field.toDefault.hidden = field.value === known[field.key].default;
  }
}

/** Ask how all settings are by now. */
async function look() {
  const { headers, body } = await api("GET", "/api/settings", undefined, { whole: true });
  return { etag: headers.get("ETag"), settings: new Map(body.data.map((each) => [each.key, each])) };
}

/** Take over what others have changed; return whether that concerns what is changed here. */
function merge(found) {
  let isDisputed = false;
  for (const field of fields) {
    const theirs = found.settings.get(field.key);
    if (!theirs) continue;
    const before = known[field.key];
    const value = theirs.is_encrypted ? "" : theirs.value;
    const isOther = field.secret ? theirs.updated_at !== before.updated_at : value !== before.value;
    const wasChanged = field.isChanged;
    Object.assign(before, { value, is_set: theirs.is_set, updated_at: theirs.updated_at });
    if (!isOther) continue;
    if (!wasChanged) field.reset();
    else if (field.isChanged) {
      field.dispute({ value });
      isDisputed = true;
    }
  }
  etag = found.etag;
  return isDisputed;
}

/** Save what is changed, all or nothing; where others were faster, only what they have not touched. */
async function saveAll() {
  let sent = changed().map((field) => field.wanted);
  for (let attempt = 0; sent.length > 0; attempt += 1) {
    try {
      const settings = sent.map(({ field, value }) => ({ key: field.key, value }));
      const { data: now } = await api("POST", "/api/settings/bulk", { settings }, { headers: { "If-Match": etag } });
      for (const each of sent) {
        each.field.saved(each, now.find(({ key }) => key === each.field.key));
      }
      break;
    } catch (error) {
      if (error.code !== "setting_changed" || attempt === 5) throw error;
      if (merge(await look())) return false;
      sent = sent.filter(({ field }) => field.isChanged); // others may have made the same changes
    }
  }
  return !merge(await look());
}

/** Say that people have to choose between their values and somebody else's. */
function showDisputed() {
  failure.textContent = text("conflicts");
  failure.hidden = false;
  focusOn(firstDispute());
}

/** Show what is wrong at the fields that the API names. */
function showRefused(error, sent) {
  const refused = error.details?.settings;
  if (!Array.isArray(refused)) return false;
  let first = null;
  for (const { key, errors } of refused) {
    const field = sent.find((each) => each.key === key);
    if (!field || !errors) continue;
    showFieldError(field.input, Object.values(errors).flat().map((each) => sentence(each, each)).join(" "));
    first ??= field.input;
  }
  first?.focus();
  return first !== null;
}

form.addEventListener("submit", (event) => event.preventDefault());
if (save) {
  save.disabled = false;
  form.addEventListener("input", tell);
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    clearErrors(form);
    showFailure(failure, null);
    for (const field of fields) field.reset();
    tell();
    save.focus();
  });
  form.addEventListener("submit", async () => {
    if (isBusy(save)) return;
    clearErrors(form);
    showFailure(failure, null);
    if (firstDispute()) {
      showDisputed();
      return;
    }
    const sent = changed();
    if (sent.length === 0) {
      status.textContent = text("unchanged");
      return;
    }
    await busy(save, async () => {
      status.textContent = text("saving");
      try {
        const isSaved = await saveAll();
        tell();
        if (isSaved) status.textContent = `${text("saved")} ${status.textContent}`.trim();
        else showDisputed();
      } catch (error) {
        tell();
        if (!showRefused(error, sent)) showFailure(failure, error);
      }
    });
  });
  addEventListener("beforeunload", (event) => {
    if (changed().length > 0) event.preventDefault();
  });
  tell();
}

const mail = document.getElementById("mail");
if (mail) mail.querySelector("[type=submit]").disabled = false;
mail?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = mail.querySelector("[type=submit]");
  const place = document.getElementById("mail-status");
  if (isBusy(button)) return;
  clearErrors(mail);
  if (changed().length > 0) {
    place.textContent = text("saveFirst");
    return;
  }
  place.textContent = text("sending");
  await busy(button, async () => {
    try {
      const to = mail.elements.to.value.trim();
      const answer = await api("POST", "/api/settings/smtp/test", to ? { to } : {});
      place.textContent = text("sent", { to: answer.data.to });
    } catch (error) {
      place.textContent = "";
      if (!showFieldErrors(mail, error.details)) showFailure(place, error);
    }
  });
});
