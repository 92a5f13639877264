/** Which language to speak, and which way it is written. */
export const direction = (locale: string): "rtl" | "ltr" => (/^(ar|fa|he|ur)\b/i.test(locale) ? "rtl" : "ltr");

/** The first of `wanted` that is `known`, by its whole tag or its language; else English. */
export const choose = (wanted: readonly (string | null | undefined)[], known: readonly string[]): string => {
  for (const tag of wanted) {
    const language = tag?.toLowerCase().split("-")[0];
    if (language && known.includes(language)) return language;
  }
  return "en";
};

/** Put values into a sentence: `fill("{name} joined", {name})`. */
export const fill = (sentence: string, values: Record<string, string | number>): string =>
  sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
