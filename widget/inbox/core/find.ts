/** Finding by typing: every word of the query must occur; starts of words count more. Pure. */
export interface Found {
  id: string;
  label: string;
  keys: string;
  run: () => void;
}

function score(label: string, words: readonly string[]): number {
  const text = label.toLocaleLowerCase();
  let sum = 0;
  for (const word of words) {
    const at = text.indexOf(word);
    if (at < 0) return -1;
    const start = at === 0 || /[\s:]/.test(text[at - 1] ?? "");
    sum += (start ? 2 : 1) + (at === 0 ? 1 : 0);
  }
  return sum;
}

export function find(options: readonly Found[], query: string): Found[] {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [...options];
  return options
    .map((option) => ({ option, score: score(option.label, words) }))
    .filter((one) => one.score >= 0)
    .sort((a, b) => b.score - a.score)
    .map((one) => one.option);
}
