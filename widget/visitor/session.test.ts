import { beforeEach, expect, test } from "vitest";
import { keptAt } from "./boot";
import { Session } from "./session";

const AT = keptAt("site");
const keep = (kept: object): void => localStorage.setItem(AT, JSON.stringify(kept));
const session = (user?: string): Session =>
  new Session({ key: "site", ...(user && { user: { id: user, jwt: `proof of ${user}` } }) }, () => "en");

beforeEach(() => localStorage.clear());

test("connects with the token that is kept, and with who the site says it is", async () => {
  keep({ token: "t", user: "amina" });
  expect(await session("amina").auth()).toMatchObject({ key: "site", token: "t", identity: "proof of amina" });
});

test("a refused token is dropped, but not the one another tab has since been given", async () => {
  keep({ token: "bad" });
  const [one, two] = [session(), session()];
  await Promise.all([one.auth(), two.auth()]);
  expect(one.disown()).toBe(true);
  expect(localStorage.getItem(AT)).toBeNull();
  keep({ token: "fresh" });
  expect(two.disown()).toBe(true);
  expect(JSON.parse(localStorage.getItem(AT) ?? "")).toEqual({ token: "fresh" });
});

test("without a token there is nothing to drop", async () => {
  const fresh = session();
  expect(await fresh.auth()).toMatchObject({ token: null });
  expect(fresh.disown()).toBe(false);
});

test("a page of one customer does not take the token of another who signed in in a second tab", async () => {
  const first = session("amina");
  keep({ token: "of chidi", user: "chidi" });
  expect(await first.auth()).toMatchObject({ token: null, identity: "proof of amina" });
  expect(first.sender().token).toBe("");
});
