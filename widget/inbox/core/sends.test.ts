import { beforeEach, describe, expect, it, vi } from "vitest";
import type { WriteMessage } from "../../shared/types";
import { ApiError } from "./api";
import { Sends, type SendsWorld } from "./sends";
import { apiOf, message, summary } from "./testing";

interface Setup {
  sends: Sends;
  bodies: WriteMessage[];
  told: string[];
}

function setUp(answer: (body: WriteMessage) => unknown, more: Partial<SendsWorld> = {}): Setup {
  const bodies: WriteMessage[] = [];
  const told: string[] = [];
  const world: SendsWorld = {
    api: apiOf((_method, _path, body) => {
      bodies.push(body as WriteMessage);
      return answer(body as WriteMessage);
    }),
    agent: "me",
    row: () => summary("c1", { version: 7 }),
    own: async () => true,
    written: () => undefined,
    stale: async (id) => {
      told.push(id);
    },
    ...more,
  };
  return { sends: new Sends(world), bodies, told };
}

const written = (seq: number) => ({ conversation: "c1", seq, version: 7, rev: seq, status: "open", duplicate: false });
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => localStorage.clear());

describe("Sends", () => {
  it("shows a reply at once, sends the version it saw, and drops it when the log has it", async () => {
    const { sends, bodies } = setUp(() => written(5));
    sends.add("c1", "text", "hello", []);
    const pending = sends.pending("c1");
    expect(pending.value).toHaveLength(1);
    await settled();
    expect(bodies[0]).toMatchObject({ kind: "text", text: "hello", version: 7 });
    sends.settle("c1", [message(5, { client_id: bodies[0]?.client_id ?? "" })]);
    expect(pending.value).toHaveLength(0);
  });

  it("keeps the order of what was written", async () => {
    const { sends, bodies } = setUp(() => written(5));
    for (const text of ["one", "two", "three"]) sends.add("c1", "text", text, []);
    await settled();
    expect(bodies.map((body) => body.text)).toEqual(["one", "two", "three"]);
  });

  // INV-2
  it("sends again with the same client_id after a failure", async () => {
    const answers = [new ApiError(503, { code: "unavailable" }), null];
    const { sends, bodies } = setUp(() => {
      const error = answers.shift();
      if (error) throw error;
      return written(5);
    });
    sends.add("c1", "text", "hello", []);
    await settled();
    expect(sends.pending("c1").value[0]?.error?.code).toBe("unavailable");
    sends.resume("c1");
    await settled();
    expect(bodies).toHaveLength(2);
    expect(bodies[1]?.client_id).toBe(bodies[0]?.client_id);
  });

  it("survives a reload", async () => {
    const first = setUp(() => {
      throw new ApiError(0, { code: "offline" });
    });
    first.sends.add("c1", "note", "for later", []);
    await settled();
    const second = setUp(() => written(9));
    second.sends.resume("c1");
    await settled();
    expect(second.bodies[0]).toMatchObject({ kind: "note", text: "for later" });
  });

  it("waits until the conversation is known, since a guess at its version would be refused", async () => {
    const { sends, bodies } = setUp(() => written(5), { row: () => null });
    sends.add("c1", "text", "hello", []);
    await settled();
    expect(bodies).toHaveLength(0);
    expect(sends.pending("c1").value[0]?.error).toBeNull();
  });

  // INV-11
  it("keeps what was written when somebody else has the chat, and tells who", async () => {
    const { sends, told } = setUp(() => {
      throw new ApiError(409, { code: "stale" });
    });
    sends.add("c1", "text", "hello", []);
    await settled();
    expect(told).toEqual(["c1"]);
    expect(sends.pending("c1").value[0]).toMatchObject({ text: "hello", error: { code: "stale" } });
    sends.resume("c1");
    await settled();
    expect(sends.pending("c1").value[0]?.error?.code).toBe("stale");
  });

  it("takes a colleague's chat before a reply, never before a note", async () => {
    const own = vi.fn(async () => true);
    const { sends } = setUp(() => written(5), { own });
    sends.add("c1", "note", "quiet", []);
    await settled();
    expect(own).not.toHaveBeenCalled();
    sends.add("c1", "text", "loud", []);
    await settled();
    expect(own).toHaveBeenCalledOnce();
  });
});
