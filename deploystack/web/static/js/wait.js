/* A page that waits for the database: it goes on by itself once something has changed. */

import { api } from "./api.js";
import { pause } from "./progress.js";

const look = async () => {
  try {
    const { configured, initialized, dialect } = await api("GET", "/api/db/status");
    return JSON.stringify([configured, initialized, dialect]);
  } catch {
    return null; // the server itself is away; it will be back
  }
};

if (document.querySelector("[data-waits]")) {
  const before = await look();
  for (;;) {
    await pause(2000);
    const now = await look();
    if (now !== null && now !== before) {
      location.reload();
      break;
    }
  }
}
