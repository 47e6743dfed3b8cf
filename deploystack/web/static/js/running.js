/* Somebody is setting up: show how far it is, and go on when it has ended. */

import { Progress } from "./progress.js";

await new Progress().follow();
location.assign("/setup");
