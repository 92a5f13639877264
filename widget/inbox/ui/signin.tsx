/** The pages before the desk: signing in, the first set-up and a new password. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { wordsFor } from "../core/actions";
import { ApiError } from "../core/api";
import type { Session } from "../core/session";
import type { Key } from "../core/words";
import { useBase } from "./context";
import { Icon } from "./icons";

const PASSWORD_LEAST = 10;

interface FieldProps {
  name: string;
  label: Key;
  type?: "text" | "email" | "password";
  autocomplete: string;
  hint?: Key;
  least?: number;
  wrong: boolean;
}

function Field({ name, label, type = "text", autocomplete, hint, least, wrong }: FieldProps): VNode {
  const { words } = useBase();
  const described = [hint && `${name}-hint`, wrong && "form-error"].filter(Boolean).join(" ");
  const common = {
    id: name,
    name,
    required: true,
    maxLength: 254,
    autocomplete,
    "aria-invalid": wrong,
    ...(least ? { minLength: least } : {}),
    ...(described ? { "aria-describedby": described } : {}),
  };
  return (
    <div class="field">
      <label for={name}>{words.t(label)}</label>
      {type === "password" && <input type="password" {...common} />}
      {type === "email" && <input type="email" {...common} />}
      {type === "text" && <input type="text" {...common} />}
      {hint && (
        <p class="hint" id={`${name}-hint`}>
          {words.t(hint)}
        </p>
      )}
    </div>
  );
}

interface FormProps {
  title: Key;
  lead?: Key;
  verb: Key;
  /** Words for 401 and used links, where the hub's own sentence is too general. */
  refused: Partial<Record<number, Key>>;
  submit: (data: FormData) => Promise<void>;
  fields: (wrong: string | null) => ComponentChildren;
}

function Form({ title, lead, verb, refused, submit, fields }: FormProps): VNode {
  const { words } = useBase();
  const busy = useSignal(false);
  const error = useSignal<ApiError | null>(null);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector("input")?.focus(), []);

  async function onSubmit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (busy.value || !form.current) return;
    busy.value = true;
    error.value = null;
    try {
      await submit(new FormData(form.current));
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      error.value = reason;
    } finally {
      busy.value = false;
    }
  }

  const why = error.value && refused[error.value.status];
  return (
    <main class="door">
      <form ref={form} onSubmit={onSubmit} class="door-card">
        <p class="mark">
          <Icon name="inbox" /> Frontdesk
        </p>
        <h1>{words.t(title)}</h1>
        {lead && <p class="hint">{words.t(lead)}</p>}
        {fields(error.value?.field ?? null)}
        {error.value && (
          <p class="form-error" id="form-error" role="alert">
            <Icon name="alert" />
            {why ? words.t(why) : wordsFor(error.value, words)}
          </p>
        )}
        <button type="submit" class="button primary full" aria-busy={busy.value}>
          {words.t(busy.value ? "one_moment" : verb)}
        </button>
      </form>
    </main>
  );
}

const text = (data: FormData, name: string): string => String(data.get(name) ?? "");

export const SignIn = ({ session }: { session: Session }): VNode => (
  <Form
    title="sign_in_title"
    verb="sign_in"
    refused={{ 401: "sign_in_refused" }}
    submit={(data) => session.signIn(text(data, "email").trim(), text(data, "password"))}
    fields={(wrong) => (
      <>
        <Field name="email" label="email" type="email" autocomplete="username" wrong={wrong === "email"} />
        <Field name="password" label="password" type="password" autocomplete="current-password" wrong={wrong === "password"} />
      </>
    )}
  />
);

const USED: FormProps["refused"] = { 401: "link_used", 404: "link_used", 410: "link_used" };

const PasswordField = ({ wrong }: { wrong: string | null }): VNode => (
  <Field
    name="password"
    label="new_password"
    type="password"
    autocomplete="new-password"
    hint="password_hint"
    least={PASSWORD_LEAST}
    wrong={wrong === "password"}
  />
);

export const FirstSetUp = ({ session, token }: { session: Session; token: string }): VNode => (
  <Form
    title="setup_title"
    lead="setup_lead"
    verb="setup_verb"
    refused={USED}
    submit={(data) => {
      const name = text(data, "name").trim();
      const email = text(data, "email").trim();
      return session.setUp({ token, name, email, password: text(data, "password") });
    }}
    fields={(wrong) => (
      <>
        <Field name="name" label="your_name" autocomplete="name" hint="name_hint" wrong={wrong === "name"} />
        <Field name="email" label="email" type="email" autocomplete="username" wrong={wrong === "email"} />
        <PasswordField wrong={wrong} />
      </>
    )}
  />
);

export const NewPassword = ({ session, token }: { session: Session; token: string }): VNode => (
  <Form
    title="reset_title"
    verb="reset_verb"
    refused={USED}
    submit={(data) => session.setUp({ token, password: text(data, "password") })}
    fields={(wrong) => <PasswordField wrong={wrong} />}
  />
);
