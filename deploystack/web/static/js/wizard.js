/* The first step: choosing a database, testing it, setting it up. */

import { api, data } from "./api.js";
import { build, parse } from "./connection.js";
import { busy, clearErrors, focusOn, isBusy, make, revealPasswords, say, showFieldError } from "./forms.js";
import { Progress, statusOnceThere } from "./progress.js";
import { offerToCopy } from "./copy.js";

const form = document.getElementById("database");
const fields = form.elements;
const failureNotice = document.getElementById("failure");
const checks = document.getElementById("checks");
const remedy = document.getElementById("remedy");
const progressCard = document.getElementById("progress");
const buttons = [document.getElementById("set-up"), document.getElementById("test")];
const texts = data("texts");
const told = data("checks-texts");
const PARTS = ["host", "port", "database", "user", "password", "sslmode"];

let more = []; // keys of a pasted string that have no field of their own
let tested = ""; // what the database that can be used was, as `written` tells it

const isPostgres = () => fields.namedItem("type").value === "postgres";
const part = (name) => fields.namedItem(name);

/* --- Fields and string, kept in step ------------------------------------------------------- */

function fieldsToString() {
  const values = Object.fromEntries(PARTS.map((name) => [name, part(name).value]));
  part("connectionString").value = build({ ...values, more });
  showFieldError(part("connectionString"), "");
}

function stringToFields() {
  const text = part("connectionString").value;
  const found = parse(text);
  showFieldError(part("connectionString"), text.trim() && !found ? texts.unclear : "");
  if (!found) return;
  more = found.more;
  for (const name of PARTS) {
    part(name).value = found[name];
    showFieldError(part(name), "");
  }
}

for (const name of PARTS) {
  part(name).addEventListener("input", () => {
    showFieldError(part(name), "");
    if (name === "sslmode") more = more.filter(([key]) => key !== name); // chosen here, it counts
    fieldsToString();
  });
}
part("connectionString").addEventListener("input", stringToFields);
part("connectionString").addEventListener("change", () => {
  if (parse(part("connectionString").value)) fieldsToString(); // as it will be sent
});

/* --- What is sent -------------------------------------------------------------------------- */

/** Return the body of the request, or null if something is missing; then that has the focus. */
function body() {
  if (!isPostgres()) return { type: "sqlite" };
  const string = part("connectionString").value.trim();
  if (string && !parse(string)) {
    showFieldError(part("connectionString"), texts.unclear);
    part("connectionString").focus();
    return null;
  }
  const missing = ["host", "database", "user"].filter((name) => !part(name).value.trim());
  for (const name of missing) showFieldError(part(name), texts.missing);
  if (missing.length) {
    part(missing[0]).focus();
    return null;
  }
  fieldsToString();
  return { type: "postgres", connectionString: part("connectionString").value };
}

/** All that the form says. */
const written = () => JSON.stringify(["type", "connectionString", ...PARTS].map((name) => part(name).value));

/* --- What is shown ------------------------------------------------------------------------- */

function clear() {
  clearErrors(form);
  failureNotice.hidden = true;
  checks.hidden = true;
}

function showFailure(text) {
  say(failureNotice.querySelector(".failure-sentence"), text);
  failureNotice.hidden = false;
  focusOn(failureNotice);
}

function showChecks(points, failure) {
  const title = document.getElementById("checks-title");
  title.textContent = failure ? title.dataset.bad : title.dataset.good;
  checks.querySelector("ul").replaceChildren(
    ...points.map(({ label, state, found }) =>
      make("li", { class: `is-${state}` },
        make("span", { class: "check-name" }, label), " ",
        make("span", { class: "check-state" }, told.states[state]),
        found ? make("span", { class: "check-found" }, found) : null)),
  );
  remedy.hidden = !failure;
  if (failure) {
    say(remedy.querySelector(".failure-sentence"), failure.sentence);
    const sql = failure.details.sql ?? failure.details.grant ?? "";
    const place = document.getElementById("remedy-sql");
    place.querySelector("code").textContent = sql;
    place.hidden = !sql;
  }
  checks.hidden = false;
  focusOn(title);
}

/** Show a failure: as the point that it is, or above the form. */
function showRefusal(failure, type) {
  if (failure.status === 401 || failure.code === "already_configured") {
    location.assign("/setup");
    return;
  }
  const names = Object.keys(told.points[type]);
  const at = names.indexOf(told.point_of[failure.code]);
  if (at < 0) {
    showFailure(failure.sentence);
    return;
  }
  showChecks(names.map((name, i) => ({
    label: told.points[type][name],
    state: i < at ? "passed" : i === at ? "failed" : "unknown",
  })), failure);
}

/* --- What is done -------------------------------------------------------------------------- */

async function test() {
  const sent = body();
  if (!sent) return;
  clear();
  tested = written();
  const status = document.getElementById("testing");
  status.textContent = texts.testing;
  try {
    const found = await busy(buttons, () => api("POST", "/api/db/check", sent));
    if (tested !== written()) return; // this is about what was there before
    const product = found.type === "postgres" ? "PostgreSQL" : "SQLite";
    const facts = { version: `${product} ${found.server_version}`, contents: told.actions[found.action] };
    showChecks(Object.entries(told.points[found.type]).map(([name, label]) => ({
      label, state: "passed", found: facts[name],
    })));
  } catch (failure) {
    showRefusal(failure, sent.type);
  } finally {
    status.textContent = "";
  }
}

function showStep(number) {
  for (const item of document.querySelectorAll("[data-step]")) {
    const step = Number(item.dataset.step);
    item.classList.toggle("is-done", step < number);
    if (step === number) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
  form.hidden = number !== 1;
  progressCard.hidden = number !== 2;
  document.getElementById("interrupted").hidden = true;
}

async function setUp() {
  const sent = body();
  if (!sent) return;
  clear();
  showStep(2);
  focusOn(progressCard.querySelector("h1"));
  const progress = new Progress();
  progress.begin();
  const watching = new AbortController();
  progress.follow(watching.signal, { untilIdle: false });
  try {
    await busy(buttons, () => api("POST", "/api/db/setup", sent));
    watching.abort();
    progress.finish();
    location.assign("/setup");
  } catch (failure) {
    await afterFailure(failure, sent.type, progress, watching);
  }
}

async function afterFailure(failure, type, progress, watching) {
  let shown = failure;
  if (failure.code === "network" || failure.code === "unreadable") {
    // The server went away in the middle: whether it was done, it will say itself.
    progress.say(progress.texts.lost);
    const status = await statusOnceThere();
    const running = await api("GET", "/api/db/setup/progress").catch(() => ({ state: "idle" }));
    if (status.configured || running.state === "running") {
      location.assign("/setup");
      return;
    }
    shown = Object.assign(failure, { sentence: texts.interrupted });
  } else if (failure.code === "setup_in_progress") {
    const running = await api("GET", "/api/db/setup/progress").catch(() => ({ state: "idle" }));
    if (running.state === "running") {
      location.assign("/setup");
      return;
    }
  }
  watching.abort();
  showStep(1);
  showRefusal(shown, type);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (isBusy(buttons[0])) return;
  if (event.submitter?.value === "check") test();
  else setUp();
});

// That a database can be used says nothing about another. What to do about one that cannot stays.
for (const event of ["input", "change"]) {
  form.addEventListener(event, () => {
    if (remedy.hidden && tested !== written()) checks.hidden = true;
  });
}

revealPasswords();
offerToCopy();
focusOn(document.querySelector("[data-focus]"));
