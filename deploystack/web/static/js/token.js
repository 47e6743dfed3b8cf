/* The setup token: from the fragment of the address, or typed. */

import { focusOn, revealPasswords } from "./forms.js";

const form = document.getElementById("token-form");
const given = new URLSearchParams(location.hash.slice(1)).get("token");

revealPasswords();
if (given !== null) {
  history.replaceState(null, "", location.pathname); // out of the address, and so of the history
  form.elements.namedItem("token").value = given;
  form.requestSubmit();
} else {
  focusOn(document.querySelector("[aria-invalid]"));
}
