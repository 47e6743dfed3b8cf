/* Calling the API: JSON in, JSON out, and a failure as an object with all that the server said. */

/** What a page has for its script: the JSON in the element `id`, or `{}`. */
export function data(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : {};
}

/** A call that failed. `code` is "network" where no answer came, "unreadable" where it was none. */
export class Failure extends Error {
  constructor({ status = 0, code, sentence, details = {}, retryAfter = 0, requestId = "" }) {
    super(sentence);
    Object.assign(this, { status, code, sentence, details, retryAfter, requestId });
  }
}

/** The sentence of a failure in the page's language: by its code, or as the API has said it. */
export function sentence(code, english) {
  const known = data("sentences");
  return known[english] ?? known[code] ?? english;
}

/**
 * Call the API and return the body of its answer.
 *
 * @param {string} method GET, POST, …
 * @param {string} path its address, such as `/api/db/status`.
 * @param {object} [body] what to send as JSON.
 * @param {{headers?: object, signal?: AbortSignal, whole?: boolean}} [options] `whole` returns
 *   `{status, headers, body}` instead of the body alone.
 * @throws {Failure}
 */
export async function api(method, path, body, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: options.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure({ code: "network", sentence: sentence("network", "") });
  }
  const requestId = response.headers.get("X-Request-ID") ?? "";
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    /* told below */
  }
  if (response.ok && (answer !== null || !text)) {
    return options.whole ? { status: response.status, headers: response.headers, body: answer } : answer;
  }
  throw new Failure({
    status: response.status,
    code: answer?.code ?? "unreadable",
    sentence: sentence(answer?.code ?? "unreadable", answer?.error ?? ""),
    details: answer?.details ?? {},
    retryAfter: Number(response.headers.get("Retry-After")) || 0,
    requestId,
  });
}
