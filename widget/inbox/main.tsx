import "../shared/tokens.css";
import "./css/base.css";
import "./css/controls.css";
import "./css/shell.css";
import "./css/list.css";
import "./css/thread.css";
import "./css/message.css";
import "./css/composer.css";
import "./css/record.css";
import "./css/dialogs.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { createApi } from "./core/api";
import { createRouter } from "./core/route";
import { createSession } from "./core/session";
import { createSettings } from "./core/settings";
import { createWords } from "./core/words";
import { App } from "./ui/app";

const root = document.documentElement;
const settings = createSettings();
const words = createWords(root);
const session = createSession({
  api: createApi((input, init) => fetch(input, init)),
  router: createRouter(window),
  settings,
  words,
  hub: window.location.origin,
});

effect(() => {
  root.dataset["theme"] = settings.now.value.theme;
});
effect(() => {
  const { language } = settings.now.value;
  void words.use(language === "auto" ? navigator.languages : [language]);
});

const place = document.getElementById("app");
if (place) render(<App session={session} />, place);
