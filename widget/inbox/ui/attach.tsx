/** Files chosen for a message: uploaded at once, listed until it is sent. */
import { type Signal, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { newId } from "../../shared/outbox";
import { wordsFor } from "../core/actions";
import { ApiError } from "../core/api";
import type { Desk } from "../core/desk";
import { useDesk } from "./context";
import { Icon } from "./icons";

export interface Chosen {
  /** The upload's id once it is there; before that only ours. */
  id: string;
  name: string;
  state: "uploading" | "ready" | "failed";
  why?: string;
}

export interface Attached {
  files: Signal<readonly Chosen[]>;
  add(list: FileList | null | undefined, max: number): void;
  remove(file: Chosen): void;
  /** Hand the ready ones over and start anew. */
  take(): readonly Chosen[];
}

export function useFiles(desk: Desk): Attached {
  const files = useSignal<readonly Chosen[]>([]);

  async function upload(file: File): Promise<void> {
    const chosen: Chosen = { id: newId(), name: file.name, state: "uploading" };
    files.value = [...files.value, chosen];
    const settle = (news: Partial<Chosen>): void => {
      files.value = files.value.map((one) => (one.id === chosen.id ? { ...one, ...news } : one));
    };
    try {
      const { id, name } = await desk.api.upload(file);
      settle({ id, name, state: "ready" });
    } catch (error) {
      settle({ state: "failed", why: error instanceof ApiError ? wordsFor(error, desk.words) : "" });
    }
  }

  return {
    files,
    add: (list, max) => {
      const chosen = [...(list ?? [])];
      if (files.value.length + chosen.length > max) {
        desk.screen.toast(desk.words.t(max ? "attach_many" : "attach_never", { n: max }), { tone: "danger" });
      }
      for (const file of chosen.slice(0, Math.max(0, max - files.value.length))) void upload(file);
    },
    remove: (file) => {
      files.value = files.value.filter((one) => one.id !== file.id);
    },
    take: () => {
      const taken = files.value;
      files.value = [];
      return taken;
    },
  };
}

export function ChosenFiles({ attached }: { attached: Attached }): VNode | null {
  const { words } = useDesk();
  if (!attached.files.value.length) return null;
  return (
    <ul class="chosen-files">
      {attached.files.value.map((file) => (
        <li key={file.id} class={`file ${file.state}`}>
          <Icon name={file.state === "failed" ? "alert" : "file"} />
          <span class="file-name" dir="auto">
            {file.name}
          </span>
          {file.state === "uploading" && <span class="file-size">{words.t("uploading")}</span>}
          {file.state === "failed" && <span class="file-size">{file.why || words.t("upload_failed")}</span>}
          <button
            type="button"
            class="button quiet square small"
            aria-label={words.t("remove_file", { name: file.name })}
            onClick={() => attached.remove(file)}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
