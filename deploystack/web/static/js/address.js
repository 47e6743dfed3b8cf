/* A setup token behind the address does not stay there, and so not in the history, whatever page it
   has led to. */

/** Take the token out of the address; returns it, or null if there is none. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) history.replaceState(null, "", location.pathname + location.search);
  return given;
}

// The page that asks for it takes it itself; see token.js.
if (!document.getElementById("token-form")) {
  takeToken();
  addEventListener("hashchange", takeToken);
}
