/** `npm run types`: turn the Python wire types into shared/types.ts. `--print` writes to stdout instead. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const widget = join(dirname(fileURLToPath(import.meta.url)), "..");
const python = process.env.PYTHON ?? "python3";
const schema = JSON.parse(execFileSync(python, ["-m", "models.schema"], { cwd: join(widget, ".."), encoding: "utf8" }));

const banner = "/* Made by `npm run types` from models/wire.py and models/http.py. Do not edit. */\n";
const source = await compile({ ...schema, type: "object", additionalProperties: false }, "Unused", {
  additionalProperties: false,
  bannerComment: banner,
  format: true,
  ignoreMinAndMaxItems: true,
  style: { printWidth: 120 },
  unreachableDefinitions: true,
});
const output = source
  .replace(/export interface Unused \{\}\n*/, "")
  .replace(
    /\n?\/\*\*\n \* This interface was referenced by `Unused`'s JSON-Schema\n \* via the `definition` "[^"]+"\.\n \*\//g,
    "",
  )
  .replace(
    /\n \*\n \* This interface was referenced by `Unused`'s JSON-Schema\n \* via the `definition` "[^"]+"\./g,
    "",
  );

if (process.argv.includes("--print")) process.stdout.write(output);
else writeFileSync(join(widget, "shared", "types.ts"), output);
