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

const widget = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(widget, "dist");
const stage = join(dist, ".stage");
const languages = readdirSync(join(widget, "visitor", "lang")).map((file) => basename(file, ".json"));

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
const fonts = (language) => {
  const rules = readFileSync(join(widget, "shared/tokens.css"), "utf8").matchAll(LANG_RULE);
  return [...rules]
    .filter(([, code]) => code === language)
    .map(([rule]) => rule.replace(/\s+/g, " "))
    .join("");
};

/** Leave out the tokens that the widget's own sheets do not use. */
const prune = {
  name: "frontdesk-prune-tokens",
  enforce: "pre",
  transform(code, id) {
    if (!id.endsWith("tokens.css?inline")) return null;
    const used =
      code + ["panel", "extra/extra"].map((name) => readFileSync(join(widget, `visitor/${name}.css`), "utf8")).join("");
    return code
      .replace(LANG_RULE, "")
      .replace(/^\s*(--[\w-]+):[^;]*;$/gm, (rule, name) => (used.includes(`var(${name})`) ? rule : ""));
  },
};

/** One bundle without HTML. `format` iife for a classic script, es for modules. */
const bundle = (input, outDir, format, define) =>
  build({
    ...common,
    define,
    resolve: { alias },
    plugins: [prune],
    root: widget,
    build: {
      outDir,
      emptyOutDir: true,
      target,
      cssTarget: target,
      modulePreload: false,
      rolldownOptions: {
        input,
        preserveEntrySignatures: "allow-extension",
        output: { format, minify: true, entryFileNames: "[name].js", chunkFileNames: "[name].js" },
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
  mkdirSync(join(stage, "lang"));
  for (const language of languages) {
    const words = JSON.parse(readFileSync(join(widget, "visitor/lang", `${language}.json`), "utf8"));
    writeFileSync(
      join(stage, "lang", `${language}.js`),
      `export default ${JSON.stringify(words)};export const css=${JSON.stringify(fonts(language))}`,
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
