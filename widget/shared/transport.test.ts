import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Requests, Socket, type State } from "./transport";
import type { ErrorBody } from "./types";

/** The other end of the wire. */
class Wire {
  static all: Wire[] = [];
  sent: string[] = [];
  closed = false;
  onmessage?: (event: { data: string }) => void;
  onclose?: () => void;
  constructor(readonly url: string) {
    Wire.all.push(this);
  }
  send(data: string): void {
    this.sent.push(data);
  }
  close(): void {
    this.closed = true;
  }
  say(data: string): void {
    this.onmessage?.({ data });
  }
}

const OPEN = '0{"sid":"s","pingInterval":15000,"pingTimeout":10000}';
const last = (): Wire => Wire.all.at(-1) as Wire;
let states: [State, ErrorBody | undefined][];
let events: [string, unknown][];
let socket: Socket<Requests>;

const flush = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const online = async (): Promise<Wire> => {
  last().say(OPEN);
  await flush();
  last().say('40/visitor,{"sid":"x"}');
  return last();
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Wire);
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  Wire.all = [];
  states = [];
  events = [];
  socket = new Socket({
    hub: "https://desk.example",
    namespace: "/visitor",
    auth: async () => ({ v: 1, key: "demo" }),
    onEvent: (name, data) => events.push([name, data]),
    onState: (state, error) => states.push([state, error]),
  });
  socket.open();
});
afterEach(() => {
  socket.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("connects with what auth says, not before the server's open", async () => {
  expect(last().url).toBe("wss://desk.example/socket.io/?EIO=4&transport=websocket");
  expect(last().sent).toEqual([]);
  const wire = await online();
  expect(wire.sent).toEqual(['40/visitor,{"v":1,"key":"demo"}']);
  expect(socket.state).toBe("online");
});

test("answers pings, hands on events, whatever commas their text has", async () => {
  const wire = await online();
  wire.say("2");
  wire.say('42/visitor,["message",{"text":"a,b/c"}]');
  expect(wire.sent.at(-1)).toBe("3");
  expect(events).toEqual([["message", { text: "a,b/c" }]]);
});

test("acks meet their requests in any order", async () => {
  const wire = await online();
  const [one, two] = [socket.request("send", { n: 1 }), socket.request("send", { n: 2 })];
  expect(wire.sent.slice(-2)).toEqual(['42/visitor,0["send",{"n":1}]', '42/visitor,1["send",{"n":2}]']);
  wire.say('43/visitor,1[{"ok":true,"n":2}]');
  wire.say('43/visitor,0[{"ok":true,"n":1}]');
  expect(await Promise.all([one, two])).toEqual([
    { ok: true, n: 1 },
    { ok: true, n: 2 },
  ]);
});

test("no ack in ten seconds, a lost line and no line are all unavailable", async () => {
  expect(await socket.request("send", {})).toMatchObject({ ok: false, error: { code: "unavailable" } });
  await online();
  const late = socket.request("send", {});
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await late).toMatchObject({ ok: false, error: { code: "unavailable" } });
  const cut = socket.request("send", {});
  last().onclose?.();
  expect(await cut).toMatchObject({ ok: false, error: { code: "unavailable" } });
});

test("backs off to thirty seconds and starts over once online", async () => {
  const waits: number[] = [];
  for (let round = 0; round < 7; round++) {
    const dials = Wire.all.length;
    last().onclose?.();
    let wait = 0;
    for (; Wire.all.length === dials; wait += 500) await vi.advanceTimersByTimeAsync(500);
    waits.push(wait);
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  await online();
  const dials = Wire.all.length;
  last().onclose?.();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(Wire.all).toHaveLength(dials + 1);
});

test("jitter spreads the herd by half either way", async () => {
  for (const [random, wait] of [
    [0, 500],
    [0.999, 1_499],
  ] as const) {
    vi.mocked(Math.random).mockReturnValue(random);
    await online();
    const dials = Wire.all.length;
    last().onclose?.();
    await vi.advanceTimersByTimeAsync(wait - 2);
    expect(Wire.all).toHaveLength(dials);
    await vi.advanceTimersByTimeAsync(3);
    expect(Wire.all).toHaveLength(dials + 1);
  }
});

test("a silent line is given up after ping interval and time-out", async () => {
  const wire = await online();
  await vi.advanceTimersByTimeAsync(24_999);
  expect(wire.closed).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect([wire.closed, socket.state]).toEqual([true, "offline"]);
});

test("a server that never answers CONNECT is given up, too", async () => {
  const wire = last();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(wire.closed).toBe(true);
});

test("closes on offline and redials at once on online", async () => {
  const wire = await online();
  window.dispatchEvent(new Event("offline"));
  expect([wire.closed, socket.state]).toEqual([true, "offline"]);
  const dials = Wire.all.length;
  window.dispatchEvent(new Event("online"));
  expect(Wire.all).toHaveLength(dials + 1);
});

test("an old line's last words are not heard", async () => {
  const old = await online();
  window.dispatchEvent(new Event("offline"));
  old.say('42/visitor,["message",{}]');
  old.onclose?.();
  expect(events).toEqual([]);
});

test.each(["reload_required", "origin_not_allowed", "unauthorized"])("%s ends it", async (code) => {
  last().say(OPEN);
  await flush();
  last().say(`44/visitor,{"message":"no","data":{"code":"${code}","message":"no"}}`);
  expect(states.at(-1)).toEqual(["refused", { code, message: "no" }]);
  const dials = Wire.all.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(Wire.all).toHaveLength(dials);
});

test("rate_limited waits as long as it was told", async () => {
  last().say(OPEN);
  await flush();
  last().say('44/visitor,{"message":"slow","data":{"code":"rate_limited","retry_after":5}}');
  await vi.advanceTimersByTimeAsync(4_900);
  expect(Wire.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(Wire.all).toHaveLength(2);
});

test("the server's goodbye is followed by another try", async () => {
  const wire = await online();
  wire.say("41/visitor,");
  expect(socket.state).toBe("offline");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(Wire.all).toHaveLength(2);
});
