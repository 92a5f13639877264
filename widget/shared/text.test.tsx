import { render } from "preact";
import { expect, test } from "vitest";
import { safeUrl } from "./links";
import { format } from "./text";

const html = (text: string, rich = false): string => {
  const box = document.createElement("div");
  render(<div>{format(text, rich)}</div>, box);
  return box.firstElementChild?.innerHTML ?? "";
};
const A = 'target="_blank" rel="noopener noreferrer nofollow"';

// S-11
test.each(["<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "&lt;b&gt;", '"><svg onload=alert(1)>'])(
  "%s stays text",
  (text) => {
    const box = document.createElement("div");
    for (const rich of [false, true]) {
      render(<div>{format(text, rich)}</div>, box);
      expect(box.textContent).toBe(text);
      expect(box.querySelectorAll("img,script,svg,b")).toHaveLength(0);
    }
  },
);

// S-12
test.each([
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "data:text/html,x",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:x",
  "\u0001javascript:alert(1)",
])("%s is no link", (url) => {
  expect(safeUrl(url)).toBeNull();
  expect(html(`[press](${url})`, true)).not.toContain("<a");
  expect(html(url)).not.toContain("<a");
});

test("bare addresses become links, without the sentence's punctuation", () => {
  expect(html("See https://x.example/a_(b).")).toBe(
    `See <a href="https://x.example/a_(b)" ${A}>https://x.example/a_(b)</a>.`,
  );
  expect(html("(tel:+4930123)")).toBe(`(<a href="tel:+4930123" ${A}>tel:+4930123</a>)`);
  expect(html("詳しくはhttps://x.example/配送。")).toContain(">https://x.example/配送</a>。");
});

test("visitors' text gets no Markdown", () => {
  expect(html("**a** [b](https://x.example)")).not.toMatch(/<strong|>b</);
});

test("Markdown of the house", () => {
  expect(html("a **b** *c* _d_ `e*f*`", true)).toBe("a <strong>b</strong> <em>c</em> <em>d</em> <code>e*f*</code>");
  expect(html("[shop](https://x.example/a)", true)).toBe(`<a href="https://x.example/a" ${A}>shop</a>`);
  expect(html("x\n- a\n- b\n\ny", true)).toBe("x<ul><li>a</li><li>b</li></ul>y");
  expect(html("3. a\n4. b", true)).toBe('<ol start="3"><li>a</li><li>b</li></ol>');
});

test("what only looks like Markdown stays", () => {
  for (const text of ["2*3*4", "snake_case_name", "a * b * c", "** not bold **", "*", "[x]", "5 - 3"])
    expect(html(text, true)).toBe(text);
});

test("long hostile input is quick", () => {
  const start = performance.now();
  for (const part of ["*", "_a", "[", "`", "**a", "[a](", "https://("]) html(part.repeat(4_000).slice(0, 8_000), true);
  expect(performance.now() - start).toBeLessThan(2_000);
});
