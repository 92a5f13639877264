/** Parts that the first screen can do without come in files of their own. */
import type { ComponentType, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useBase } from "./context";

export interface LazyPart<P> {
  (props: P): VNode | null;
  /** Fetch it before it is needed. */
  prepare(): Promise<void>;
}

export function lazy<P extends object = object>(load: () => Promise<ComponentType<P>>): LazyPart<P> {
  let found: ComponentType<P> | undefined;
  const prepare = async (): Promise<void> => {
    found ??= await load();
  };
  function Lazy(props: P): VNode | null {
    const { words } = useBase();
    const [state, setState] = useState<"coming" | "here" | "failed">("coming");
    useEffect(() => {
      if (!found) prepare().then(() => setState("here"), () => setState("failed"));
    }, []);
    const Part = found;
    if (Part) return <Part {...props} />;
    if (state !== "failed") return null;
    return (
      <div class="problem part-failed" role="alert">
        <p>{words.t("part_failed")}</p>
        <button type="button" class="button plain small" onClick={() => window.location.reload()}>
          {words.t("reload")}
        </button>
      </div>
    );
  }
  return Object.assign(Lazy, { prepare });
}
