/* The setup token: from the fragment of the address, or typed. */

import { takeToken } from "./address.js";
import { focusOn, revealPasswords } from "./forms.js";

const form = document.getElementById("token-form");

/** Send the token that is in the address; returns whether there is one. */
function sendGiven() {
  const given = takeToken();
  if (given === null) return false;
  form.elements.namedItem("token").value = given;
  form.requestSubmit();
  return true;
}

revealPasswords();
addEventListener("hashchange", sendGiven); // the address was pasted where this page was shown already
if (!sendGiven()) focusOn(document.querySelector("[aria-invalid]"));
