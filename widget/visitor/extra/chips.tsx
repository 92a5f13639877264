/** Files on their way, above the composer. */
import type { VNode } from "preact";
import { fill } from "../../shared/locale";
import { Close } from "../view/icons";
import type { Ui } from "../view/ui";
import type { Upload, Uploads } from "./uploads";

const Chip = ({ upload, uploads, ui }: { upload: Upload; uploads: Uploads; ui: Ui }): VNode => {
  const { words } = ui;
  const { name } = upload.file;
  return (
    <li class="chip">
      <bdi>{name}</bdi>
      {upload.failed ? (
        <span class="failed" role="alert">
          {words.uploadFailed}{" "}
          <button type="button" onClick={() => uploads.again(upload)}>
            {words.retry}
          </button>
        </span>
      ) : (
        !upload.id && <progress value={upload.progress} aria-label={name} />
      )}
      <button
        type="button"
        class="icon"
        aria-label={fill(words.remove, { name })}
        onClick={() => uploads.remove(upload)}
      >
        <Close />
      </button>
    </li>
  );
};

export const Chips = ({ uploads, ui }: { uploads: Uploads; ui: Ui }): VNode | null =>
  uploads.list.length ? (
    <ul class="chips">
      {uploads.list.map((upload) => (
        <Chip key={upload.local} upload={upload} uploads={uploads} ui={ui} />
      ))}
    </ul>
  ) : null;
