/* What every page with a form does. */

import { focusOn, revealPasswords } from "./forms.js";

revealPasswords();
focusOn(document.querySelector("[data-focus], [data-focus-quietly]"));
