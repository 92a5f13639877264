/**
 * The part of Preact this widget uses, in a sixth of its bytes: function components without state, keyed children, refs
 * and handlers. The build puts it in Preact's place (scripts/build.mjs); the types and the tests are Preact's, and so
 * the widget runs on Preact unchanged.
 */
type Props = Record<string, unknown>;
type Child = Node_ | string | number | boolean | null | undefined | Child[];
type Component = (props: Props) => Child;

interface Node_ {
  /** A tag, or null for text. */
  type: string | null;
  props: Props;
  key: unknown;
  dom?: Element | Text;
  kids?: Node_[];
}

const SVG = "http://www.w3.org/2000/svg";
const drawn = new WeakMap<Element, Node_[]>();

/** Components are called at once: without state there is nothing to wait for. */
const jsx = (type: string | Component, props: Props, key?: unknown): Child => {
  if (typeof type === "string") return { type, props, key };
  const made = type(props);
  return key !== undefined && made && typeof made === "object" && !Array.isArray(made) ? { ...made, key } : made;
};
export { jsx, jsx as jsxs };

/** Nothing keeps its place as an empty text, so that what follows is not taken for something else. */
const list = (children: Child): Node_[] =>
  [children].flat(Number.POSITIVE_INFINITY as 1).map((child) => {
    if (child && typeof child === "object") return child as Node_;
    const text = child === undefined || child === null || typeof child === "boolean" ? "" : String(child);
    return { type: null, props: { text }, key: undefined };
  });

const set = (dom: Element, name: string, value: unknown): void => {
  if (name === "children" || name === "ref") return;
  if (name.startsWith("on")) (dom as unknown as Props)[name.toLowerCase()] = value;
  else if (value === undefined || value === null || (value === false && !name.includes("-"))) dom.removeAttribute(name);
  else dom.setAttribute(name, value === true && !name.includes("-") ? "" : String(value));
};

const create = (node: Node_, svg: boolean): void => {
  if (node.type === null) node.dom = document.createTextNode("");
  else node.dom = svg ? document.createElementNS(SVG, node.type) : document.createElement(node.type);
};

const update = (node: Node_, old: Node_ | undefined, inSvg: boolean): void => {
  if (node === old) return;
  const svg = inSvg || node.type === "svg";
  if (old?.dom) node.dom = old.dom;
  else create(node, svg);
  const { dom, props } = node;
  if (dom instanceof Text) {
    if (dom.data !== props.text) dom.data = props.text as string;
    return;
  }
  if (!dom) return;
  const before = old?.props ?? {};
  for (const name in { ...before, ...props }) if (before[name] !== props[name]) set(dom, name, props[name]);
  node.kids = place(dom, old?.kids ?? [], list(props.children as Child), svg);
  if (!old && typeof props.ref === "function") props.ref(dom);
};

/** Match by key, else by position; what is not matched goes first, so that what stays is not moved and keeps its focus. */
const place = (parent: Element, old: Node_[], next: Node_[], svg: boolean): Node_[] => {
  const left = new Set(old);
  const keyed = new Map(old.map((node) => [node.key, node]));
  const pairs = next.map((node, index) => {
    const twin = node.key === undefined ? old[index] : keyed.get(node.key);
    const same = twin?.type === node.type && twin.key === node.key && left.delete(twin);
    return [node, same ? twin : undefined] as const;
  });
  for (const { dom } of left) dom?.remove();
  pairs.forEach(([node, twin], index) => {
    update(node, twin, svg);
    const at = parent.childNodes[index] ?? null;
    if (node.dom && at !== node.dom) parent.insertBefore(node.dom, at);
  });
  return next;
};

export const render = (child: Child, parent: Element): void => {
  drawn.set(parent, place(parent, drawn.get(parent) ?? [], list(child), false));
};
