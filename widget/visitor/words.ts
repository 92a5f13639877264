/** The widget's words: one language is fetched, English stands in for what we do not speak. */
import { choose } from "../shared/locale";
import type en from "./lang/en.json";
import { later } from "./later";

export type Words = typeof en;

/** Codes of the files in lang/; set by the build. */
declare const __LANGUAGES__: string[];

export interface Speech {
  language: string;
  /** For dates and numbers: the reader's own tag if it is of this language. */
  locale: string;
  words: Words;
  /** The fonts this language is set in. */
  css: string;
}

/** Fetch what the site asked for, else the page's language, else the reader's. Rejects when the network does. */
export const speak = async (asked: string | undefined): Promise<Speech> => {
  const wanted = [asked, document.documentElement.lang, ...navigator.languages];
  const language = choose(wanted, __LANGUAGES__);
  const file = await later<{ default: Words; css: string }>(`lang/${language}.js`);
  return {
    language,
    locale: wanted.find((tag) => tag?.startsWith(language)) ?? language,
    words: file.default,
    css: file.css,
  };
};
