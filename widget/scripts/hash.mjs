/** One number for everything a build depends on: sources and lock, in path order. `node scripts/hash.mjs` prints it. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = ["shared", "visitor", "demo", "inbox", "scripts"];

export const sourceHash = (widget) => {
  const hash = createHash("sha256");
  const files = SOURCES.flatMap((folder) => {
    const root = join(widget, folder);
    return statSync(root, { throwIfNoEntry: false })
      ? readdirSync(root, { recursive: true }).map((path) => join(root, path))
      : [];
  });
  const kept = files.filter((path) => statSync(path).isFile() && !path.includes(".test."));
  for (const path of [...kept.sort(), join(widget, "package-lock.json")]) {
    hash.update(relative(widget, path).replaceAll("\\", "/")).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${sourceHash(join(dirname(fileURLToPath(import.meta.url)), ".."))}\n`);
}
