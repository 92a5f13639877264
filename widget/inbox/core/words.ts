/** The inbox's words in the reader's language. English is built in; the others are fetched when chosen. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { choose, direction, fill } from "../../shared/locale";
import { en } from "../lang/en";

export type Key = keyof typeof en;
/** A sentence, or its forms by `Intl.PluralRules` of the value `n`. */
export type Sentence = string | (Partial<Record<Intl.LDMLPluralRule, string>> & { other: string });
export type Language = Record<Key, Sentence>;

const LANGUAGES: Record<string, () => Promise<Language>> = {
  en: () => Promise.resolve(en),
  ja: () => import("../lang/ja").then((module) => module.ja),
  ar: () => import("../lang/ar").then((module) => module.ar),
};

export interface Words {
  readonly locale: ReadonlySignal<string>;
  t(key: Key, values?: Record<string, string | number>): string;
  use(wanted: readonly string[]): Promise<void>;
}

export function createWords(root: HTMLElement): Words {
  const locale = signal("en");
  let language: Language = en;
  const rules = new Map<string, Intl.PluralRules>();

  const form = (sentence: Sentence, n: unknown): string => {
    if (typeof sentence === "string") return sentence;
    const rule = rules.get(locale.value) ?? new Intl.PluralRules(locale.value);
    rules.set(locale.value, rule);
    return sentence[rule.select(Number(n))] ?? sentence.other;
  };

  return {
    locale,
    t: (key, values = {}) => {
      void locale.value;
      return fill(form(language[key], values["n"]), values);
    },
    use: async (wanted) => {
      const name = choose(wanted, Object.keys(LANGUAGES));
      try {
        language = (await LANGUAGES[name]?.()) ?? en;
      } catch {
        return;
      }
      root.lang = name;
      root.dir = direction(name);
      locale.value = wanted.find((tag) => tag.toLowerCase().startsWith(name)) ?? name;
    },
  };
}
