/* The progress of a setup, as the server tells it. */

import { api, data } from "./api.js";
import { make } from "./forms.js";

const POLL = 300;

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The list of steps on the page. */
export class Progress {
  constructor() {
    this.list = document.getElementById("progress-steps");
    this.status = document.getElementById("progress-status");
    this.texts = data("progress-texts");
  }

  /** Show steps as the API tells them. */
  show(steps) {
    if (!steps.length) return;
    const keys = steps.map((step) => `${step.step} ${step.name ?? ""}`);
    const present = [...this.list.children].map((item) => item.dataset.key);
    if (keys.join("\n") !== present.join("\n")) {
      this.list.replaceChildren(
        ...steps.map((step, i) => make("li", { "data-key": keys[i] }, this.name(step))),
      );
    }
    steps.forEach((step, i) => {
      this.list.children[i].className = `is-${step.state}`;
    });
    const at = steps.findIndex((step) => step.state === "running");
    if (at >= 0) {
      this.say(fill(this.texts.status, {
        name: this.name(steps[at]), number: at + 1, total: steps.length,
      }));
    }
  }

  /** Show that the first step is at work, before the server has told anything. */
  begin() {
    [...this.list.children].forEach((item, i) => {
      item.className = i ? "is-waiting" : "is-running";
    });
  }

  /** Show that all of it is done. */
  finish() {
    for (const item of this.list.children) item.className = "is-done";
    this.say(this.texts.finished);
  }

  /** Say something to who does not see the list. */
  say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  name(step) {
    return fill(this.texts[step.step] ?? step.step, { name: step.label ?? step.name ?? "" });
  }

  /**
   * Ask the server again and again, and show what it tells, until `signal` is aborted or no setup
   * is running any more.
   *
   * @returns {Promise<string>} the last state: "idle", "interrupted" or, when aborted, "running".
   */
  async follow(signal, { untilIdle = true } = {}) {
    while (!signal?.aborted) {
      try {
        const told = await api("GET", "/api/db/setup/progress", undefined, { signal });
        if (told.state === "running") this.show(told.steps);
        else if (untilIdle) return told.state;
      } catch (failure) {
        if (signal?.aborted) break;
        if (failure.status === 401) return "idle";
        this.say(this.texts.lost);
      }
      await pause(POLL);
    }
    return "running";
  }
}

/** Wait until the server answers, and return what it says of the database. */
export async function statusOnceThere() {
  for (;;) {
    try {
      return await api("GET", "/api/db/status");
    } catch (failure) {
      if (failure.code !== "network" && failure.status < 500) throw failure;
      await pause(1000);
    }
  }
}
