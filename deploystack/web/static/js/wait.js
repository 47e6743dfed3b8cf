/* A page that waits for the database: it goes on by itself once something has changed. */

import { api } from "./api.js";
import { pause } from "./progress.js";

/** Return the state that the database is in, as docs/reference/setup-api.md names it; null if none is told. */
async function look() {
  try {
    const { configured, initialized, dialect } = await api("GET", "/api/db/status");
    if (!configured) return "unconfigured";
    if (initialized) return "ready";
    return dialect ? "waiting" : "unreadable";
  } catch {
    return null; // the server itself is away; it will be back
  }
}

const place = document.querySelector("[data-waits]");
if (place) {
  // The state that the page was made in: by now it may be another, and would not change any more.
  const before = place.dataset.waits || (await look());
  for (;;) {
    await pause(1000);
    const now = await look();
    if (now !== null && now !== before) {
      location.reload();
      break;
    }
  }
}
