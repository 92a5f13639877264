/** Files on their way to the hub: sent when chosen, so that the message itself is quick. */
import { newId } from "../../shared/outbox";
import type { Uploaded } from "../../shared/types";

const MOST = 10;

export interface Upload {
  local: string;
  file: File;
  /** 0 to 1. */
  progress: number;
  /** The hub's id, once it has all of it. */
  id: string | null;
  failed: boolean;
  request: XMLHttpRequest | null;
}

/** Whose files they are. */
export interface Sender {
  key: string;
  token: string;
}

/** Start one; `changed` is called on every step. fetch() cannot tell how far a request body is. */
const start = (upload: Upload, hub: string, { key, token }: Sender, changed: () => void): void => {
  const request = new XMLHttpRequest();
  const body = new FormData();
  body.append("file", upload.file);
  upload.request = request;
  upload.failed = false;
  request.upload.onprogress = ({ loaded, total }) => {
    upload.progress = loaded / (total || 1);
    changed();
  };
  request.onloadend = () => {
    upload.id = request.status < 300 ? ((request.response as Uploaded | null)?.id ?? null) : null;
    upload.failed = !upload.id;
    changed();
  };
  request.open("POST", `${hub}/uploads`);
  request.responseType = "json";
  request.setRequestHeader("Authorization", `Bearer ${token}`);
  request.setRequestHeader("X-Site-Key", key);
  request.send(body);
};

export class Uploads {
  list: readonly Upload[] = [];

  constructor(
    private readonly hub: string,
    private readonly sender: () => Sender,
    private readonly changed: () => void,
  ) {}

  add(files: Iterable<File>): void {
    for (const file of files) {
      const upload: Upload = { local: newId(), file, progress: 0, id: null, failed: false, request: null };
      if (this.list.length === MOST) break;
      this.list = [...this.list, upload];
      start(upload, this.hub, this.sender(), this.changed);
    }
    this.changed();
  }

  again(upload: Upload): void {
    start(upload, this.hub, this.sender(), this.changed);
    this.changed();
  }

  remove(upload: Upload): void {
    this.list = this.list.filter((other) => other !== upload);
    upload.request?.abort();
    this.changed();
  }

  get busy(): boolean {
    return this.list.some((upload) => !upload.id);
  }

  /** The ids to send and the names to show meanwhile; the list is empty afterwards. */
  take(): { ids: string[]; names: string[] } {
    const done = this.list.filter((upload) => upload.id);
    this.list = [];
    return { ids: done.map((upload) => upload.id ?? ""), names: done.map((upload) => upload.file.name) };
  }
}
