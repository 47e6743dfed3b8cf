/* A PostgreSQL connection string and its parts: one made of the other, in both directions. */

const SCHEME = /^\s*postgres(?:ql)?(?:\+psycopg2)?:\/\//i;

/* What comes before a query that begins where the standard says: a host, a port and a database that
   are plain. An @ behind that belongs to the query, and not to a password before it. */
const QUERY = /^((?:.*?@)?(?:\[[^\]]*\]|[^@:/?#]*)(?::\d*)?(?:\/[^@/?#]*)?)\?([a-z_]{3,}=.*)$/is;

/** What `sslmode` may be. */
const MODES = ["disable", "allow", "prefer", "require", "verify-full"];

/** Encode one part, so that every character but letters, digits and - . _ ~ is written %XX. */
export function encode(text) {
  return encodeURIComponent(text.toWellFormed?.() ?? text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Decode one part; one that was never encoded (a stray %) stays as it is. */
export function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Make a connection string. `more` holds other keys of its query, kept from what was pasted. */
export function build({ host, port, database, user, password, sslmode, more = [] }) {
  const bare = host.trim().replace(/^\[(.*)\]$/, "$1");
  const place = bare.includes(":") ? `[${bare}]` : bare;
  const credentials = encode(user) + (password ? `:${encode(password)}` : "");
  const query = [...(sslmode && sslmode !== "prefer" ? [["sslmode", sslmode]] : []), ...more]
    .map(([key, value]) => `${encode(key)}=${encode(value)}`)
    .join("&");
  return (
    `postgresql://${credentials}@${place}${port.trim() ? `:${port.trim()}` : ""}` +
    `/${encode(database)}${query ? `?${query}` : ""}`
  );
}

/**
 * Read a connection string as people paste them: a password in it may hold @ / : ? # unencoded.
 * An `sslmode` that is unknown, or given twice, stays among `more`: the server refuses it.
 *
 * @returns its parts, or null where it is no connection string.
 */
export function parse(text) {
  if (!SCHEME.test(text)) return null;
  const rest = text.trim().replace(SCHEME, "");
  const [, address, asked] = rest.match(QUERY) ?? [null, rest, null];
  const at = address.lastIndexOf("@");
  const credentials = at < 0 ? "" : address.slice(0, at);
  const location = address.slice(at + 1);
  const colon = credentials.indexOf(":");
  const found = location.match(/^(\[[^\]]*\]|[^:/?#]*)(?::([^/?#]*))?(?:\/([^?#]*))?(?:\?(.*))?$/);
  if (!found) return null;
  const [, host, port, database, query] = found;
  const pairs = (asked ?? query ?? "")
    .split("&")
    .filter(Boolean)
    .map((pair) => {
      const [key, ...value] = pair.split("=");
      return [decode(key), decode(value.join("="))];
    });
  const modes = pairs.filter(([key]) => key === "sslmode").map(([, mode]) => mode);
  const isPlain = modes.length === 1 && MODES.includes(modes[0]);
  return {
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port: port ?? "",
    database: decode(database ?? ""),
    user: decode(colon < 0 ? credentials : credentials.slice(0, colon)),
    password: colon < 0 ? "" : decode(credentials.slice(colon + 1)),
    sslmode: isPlain ? modes[0] : "prefer",
    more: isPlain ? pairs.filter(([key]) => key !== "sslmode") : pairs,
  };
}
