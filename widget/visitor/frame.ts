/** `/frame?key=…`: the chat as a page of its own, for mobile web views and sites that want an iframe. */
import type { Boot } from "./boot";
import { mount } from "./panel";

const query = new URLSearchParams(location.search);
const frame = document.body.appendChild(document.createElement("div"));
frame.className = "frontdesk";

const sheet = new CSSStyleSheet();
sheet.replaceSync("body{margin:0}");
document.adoptedStyleSheets.push(sheet);

const boot: Boot = { key: query.get("key") ?? "demo" };
const locale = query.get("locale");
const theme = query.get("theme");
if (locale) boot.locale = locale;
if (theme === "light" || theme === "dark") document.documentElement.style.colorScheme = frame.style.colorScheme = theme;

void mount({ root: document, frame, hub: location.origin, boot, full: true });
