/**
 * `npm run build`: everything the hub serves, into dist/.
 *
 * dist/loader/widget.js            /widget.js          (loader; knows the panel's path)
 * dist/w/<hash>/panel.js, lang/    /w/<hash>/…         (immutable)
 * dist/frame|demo|inbox/index.html /frame /demo /inbox (pages; their assets under /<page>-assets/)
 * dist/manifest.json               what is where, and a hash of sources and lock to see whether it is stale
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { sourceHash } from "./hash.mjs";
import { inlineTokens, numberWords, small } from "./shrink.mjs";

const widget = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(widget, "dist");
const stage = join(dist, ".stage");
const visitor = join(widget, "visitor");
const languages = readdirSync(join(visitor, "lang")).map((file) => basename(file, ".json"));

const common = {
  configFile: false,
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  publicDir: false,
};
const target = ["chrome123", "firefox128", "safari17.5"];

/** In the widget a subset stands in for Preact, which would be a third of its bytes. */
const alias = [{ find: /^preact(\/jsx-runtime)?$/, replacement: join(widget, "visitor/dom.ts") }];

/** Fonts of one language, which travel with its words. */
const LANG_RULE = /^:lang\(([a-z]+)[^{]*\{[^}]*\}\n?/gm;
/** Pages choose their theme by an attribute, the widget by its element's own style. */
const THEME_RULE = /^\[data-theme[^}]*\}\n?/gm;
const tokens = join(visitor, "../shared/tokens.css");
const fonts = (language) =>
  [...readFileSync(tokens, "utf8").matchAll(LANG_RULE)]
    .filter(([, code]) => code === language)
    .map(([rule]) => rule.replace(/\s+/g, " "))
    .join("");

const wordsOf = (language) => JSON.parse(readFileSync(join(visitor, `lang/${language}.json`), "utf8"));
const keys = Object.keys(wordsOf("en"));

const names = readFileSync(join(widget, "scripts/ours.txt"), "utf8").match(/\w+/g);
const ours = Object.fromEntries(names.map((name) => [name, null]));

const plugins = [
  inlineTokens(tokens, [join(visitor, "panel.css"), join(visitor, "extra/extra.css")], LANG_RULE, THEME_RULE),
  numberWords(keys, visitor),
];

/** Scripts without HTML, as a library is built: Vite's helper for preloading would be a twentieth of the whole. */
const bundle = (entry, outDir, format, define, emptyOutDir = true) =>
  build({
    ...common,
    define,
    resolve: { alias },
    plugins: [...plugins, small(target, format === "es", ours)],
    root: widget,
    build: {
      outDir,
      emptyOutDir,
      target,
      cssTarget: target,
      cssMinify: true,
      minify: false,
      lib: { entry, formats: [format], name: "unnamed", fileName: (_, name) => `${name}.js` },
      rolldownOptions: {
        preserveEntrySignatures: "allow-extension",
        output: { chunkFileNames: "[name].js" },
      },
    },
  });

/** A page with its own assets under /<name>-assets/. */
const page = (name) =>
  build({
    ...common,
    root: join(widget, name),
    build: {
      outDir: join(dist, name),
      emptyOutDir: true,
      assetsDir: `${name}-assets`,
      target,
      cssTarget: target,
      modulePreload: { polyfill: false },
    },
  });

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile())
    .sort();

const contentHash = (folder) => {
  const hash = createHash("sha256");
  for (const path of filesIn(folder)) hash.update(relative(folder, path)).update("\0").update(readFileSync(path));
  return hash.digest("hex").slice(0, 12);
};

const buildPanel = async () => {
  const input = { panel: join(widget, "visitor/panel.tsx"), frame: join(widget, "visitor/frame.ts") };
  await bundle(input, stage, "es", { __LANGUAGES__: JSON.stringify(languages) });
  await bundle({ extra: join(visitor, "extra/extra.tsx"), color: join(widget, "shared/color.ts") }, stage, "es", {}, false);
  mkdirSync(join(stage, "lang"));
  for (const language of languages) {
    const words = wordsOf(language);
    writeFileSync(
      join(stage, "lang", `${language}.js`),
      `export default ${JSON.stringify(keys.map((key) => words[key]))};export const css=${JSON.stringify(fonts(language))}`,
    );
  }
  const hash = contentHash(stage);
  cpSync(stage, join(dist, "w", hash), { recursive: true });
  rmSync(stage, { recursive: true });
  return `/w/${hash}`;
};

const buildFrame = (panel) => {
  const html = readFileSync(join(widget, "visitor/frame.html"), "utf8");
  mkdirSync(join(dist, "frame"), { recursive: true });
  writeFileSync(join(dist, "frame/index.html"), html.replace("__FRAME__", `${panel}/frame.js`));
};

rmSync(dist, { recursive: true, force: true });
const panel = await buildPanel();
await bundle({ widget: join(widget, "visitor/loader.ts") }, join(dist, "loader"), "iife", {
  __PANEL__: JSON.stringify(`${panel}/panel.js`),
});
buildFrame(panel);
const pages = ["demo", "inbox"].filter(
  (name) => existsSync(join(widget, name, "index.html")) && !process.argv.includes(`--no-${name}`),
);
for (const name of pages) await page(name);

const manifest = {
  sources: sourceHash(widget),
  loader: { "/widget.js": "loader/widget.js" },
  panel: `${panel}/panel.js`,
  languages,
  pages: Object.fromEntries(["frame", ...pages].map((name) => [`/${name}`, `${name}/index.html`])),
  immutable: Object.fromEntries([
    ["/w/", "w/"],
    ...pages.map((name) => [`/${name}-assets/`, `${name}/${name}-assets/`]),
  ]),
};
writeFileSync(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
