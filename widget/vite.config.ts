/** Only vitest and the editor read this; `npm run build` takes its configuration from scripts/build.mjs. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { css: true, environment: "happy-dom", include: ["{shared,visitor,inbox}/**/*.test.{ts,tsx}"] },
});
