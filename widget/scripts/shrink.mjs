/** What makes the visitor's bundles small, so that their sources need not be. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { minify } from "vite";

const DECLARATION = /^\s*(--[\w-]+):\s*([^;]*);$/gm;
const TOKEN = /var\((--[\w-]+)\)/g;

/** Tokens that are given another value at run time: by the owner's colour, by the reader's language. */
const LIVE = /^--(accent|on-accent|font)/;
const SHORT = 10;

const countIn = (text, part) => text.split(part).length - 1;

/**
 * Keep of `tokens` (a sheet) what `sheets` use; what is short, or the first of them uses no more than once, is written
 * where it is used. Returns plugins for imports of `tokens` and of `sheets` with `?inline`.
 */
export const inlineTokens = (tokens, sheets, ...without) => {
  const source = without.reduce((css, rule) => css.replace(rule, ""), readFileSync(tokens, "utf8"));
  const texts = sheets.map((path) => readFileSync(path, "utf8"));
  const used = (name) => countIn(texts.join() + source, `var(${name})`);
  const written = new Map();
  for (const [, name, value] of source.matchAll(DECLARATION)) {
    const inside = countIn(texts[0], `var(${name})`) + countIn(source, `var(${name})`);
    if (!LIVE.test(name) && (value.length <= SHORT || inside <= 1)) written.set(name, value);
  }
  const write = (css) => css.replace(TOKEN, (whole, name) => written.get(name) ?? whole);
  const kept = source.replace(DECLARATION, (rule, name) => (used(name) && !written.has(name) ? rule : ""));
  return {
    name: "frontdesk-tokens",
    enforce: "pre",
    transform(code, id) {
      const path = id.replace(/\?inline$/, "");
      if (path === tokens) return write(kept);
      return sheets.includes(path) ? write(code) : null;
    },
  };
};

/** `words.send` becomes the place of that sentence in its language's list, so that no file carries the keys. */
export const numberWords = (keys, folder) => ({
  name: "frontdesk-words",
  enforce: "pre",
  transform(code, id) {
    if (!id.startsWith(folder) || !/\.tsx?$/.test(id)) return null;
    if (/\}\s*=\s*[\w.]*\bwords\b/.test(code)) throw new Error(`${id}: write words.key, this build looks for that`);
    return code.replace(/\bwords\.(\w+)/g, (whole, key) => {
      if (!keys.includes(key)) throw new Error(`${id}: there is no word "${key}"`);
      return whole.replace(`.${key}`, `[${keys.indexOf(key)}]`);
    });
  },
});

/**
 * Minify each chunk by itself: what Vite does to a library keeps spaces and annotations for later bundlers. Properties
 * named in `ours` get short names, which are noted there, so that other bundles use the same.
 */
export const small = (target, module, ours) => ({
  name: "frontdesk-small",
  async generateBundle(_, bundle) {
    const include = new RegExp(`^(${Object.keys(ours).join("|")})$`);
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== "chunk") continue;
      const mangleProps = { include, cache: Object.fromEntries(Object.entries(ours).filter(([, short]) => short)) };
      const options = { module, compress: { target }, mangle: { toplevel: true }, mangleProps, codegen: true };
      const { code, errors, mangleCache } = await minify(chunk.fileName, chunk.code, options);
      if (errors.length) throw new Error(errors[0].message);
      chunk.code = code;
      Object.assign(ours, mangleCache);
    }
  },
});
