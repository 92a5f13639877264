/** HTTP to the hub: JSON in and out, the CSRF header on unsafe requests, every refusal as an `ApiError`. */
import type { Me, Problem, Uploaded } from "../../shared/types";

/** A refused or failed request. `code` is the hub's own, or `offline` when nothing answered. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly field: string | null;
  readonly retryAfter: number | null;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? "");
    this.code = problem.code ?? "unavailable";
    this.status = status;
    this.field = problem.field ?? null;
    this.retryAfter = problem.retry_after ?? null;
  }
}

export interface Api {
  /** Called when the session has ended on the server. */
  onSignedOut: () => void;
  use(me: Me | null): void;
  get<T>(path: string): Promise<T>;
  send<T>(method: "POST" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T>;
  upload(file: File): Promise<Uploaded>;
}

/** `/api/conversations` plus a query without its empty values. */
export function withQuery(path: string, query: Record<string, string | null>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return given.length ? `${path}?${new URLSearchParams(given).toString()}` : path;
}

export const conversationPath = (id: string): string => `/api/conversations/${encodeURIComponent(id)}`;
export const contactPath = (id: string): string => `/api/contacts/${encodeURIComponent(id)}`;

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { code: response.status === 429 ? "rate_limited" : "unavailable" };
  }
}

export function createApi(fetcher: typeof fetch): Api {
  let csrf = "";

  async function call<T>(path: string, init: RequestInit): Promise<T> {
    let response: Response;
    try {
      response = await fetcher(path, { credentials: "same-origin", ...init });
    } catch {
      throw new ApiError(0, { code: "offline" });
    }
    if (!response.ok) {
      const error = new ApiError(response.status, await problemOf(response));
      if (response.status === 401) api.onSignedOut();
      throw error;
    }
    if (response.status === 204) return undefined as T;
    return (await response.json()) as T;
  }

  const api: Api = {
    onSignedOut: () => undefined,
    use: (me) => {
      csrf = me?.csrf ?? "";
    },
    get: (path) => call(path, { headers: { Accept: "application/json" } }),
    send: (method, path, body) =>
      call(path, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    upload: (file) => {
      const form = new FormData();
      form.append("file", file);
      return call("/uploads", { method: "POST", headers: { "X-CSRF-Token": csrf }, body: form });
    },
  };
  return api;
}
