/* How good a password is, by the rules that the server has (deploystack/auth/passwords.py). */

const fill = (text, count) => text.replace("{count}", String(count));

/**
 * Return a level from 0 (nothing typed) over 1 (refused) to 4, and what to say.
 *
 * @param {string} password
 * @param {string[]} names what the account is called.
 * @param {{least: number, most: number, different: number, common: string[]}} rules
 * @param {object} texts
 */
export function strength(password, names, rules, texts) {
  const normal = (text) => text.normalize("NFKC");
  const text = normal(password);
  const characters = [...text].length;
  if (!characters) return { level: 0, text: "" };
  if (characters < rules.least) return { level: 1, text: fill(texts.short, rules.least - characters) };
  if (characters > rules.most) return { level: 1, text: texts.long };
  const folded = text.toLowerCase().trim();
  const called = names.flatMap((name) => [name, name.split("@")[0]]).map((n) => normal(n).toLowerCase());
  if (called.includes(folded)) return { level: 1, text: texts.named };
  if (rules.common.includes(folded) || new Set(folded).size < rules.different) {
    return { level: 1, text: texts.common };
  }
  if (characters < 12) return { level: 2, text: texts.fair };
  return characters < 16 ? { level: 3, text: texts.good } : { level: 4, text: texts.strong };
}
