/** Which page: sign-in, a one-time link, or the desk. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import type { ApiError } from "../core/api";
import type { Session } from "../core/session";
import { BaseContext, DeskContext } from "./context";
import { Problem, Skeleton } from "./controls";
import { lazy } from "./lazy";
import { Shell } from "./shell";
import { FirstSetUp, NewPassword, SignIn } from "./signin";

const Simulator = lazy(() => import("./simulator").then((part) => part.Simulator));

export function App({ session }: { session: Session }): VNode {
  const { base, desk } = session;
  const route = base.router.route.value;
  const error = useSignal<ApiError | null>(null);

  useEffect(() => {
    void session.start().then((reason) => {
      error.value = reason;
    });
  }, [session]);

  let page: VNode;
  if (route.page === "setup") page = <FirstSetUp session={session} token={route.token} />;
  else if (route.page === "reset") page = <NewPassword session={session} token={route.token} />;
  else if (error.value) page = <Problem error={error.value} retry={() => window.location.reload()} />;
  else if (desk.value === undefined) page = <Skeleton kind="row" rows={6} />;
  else if (desk.value === null) page = <SignIn session={session} />;
  else {
    const developer = desk.value.me.dev && desk.value.me.role === "admin";
    page = (
      <DeskContext.Provider value={desk.value} key={desk.value.me.id}>
        {route.page === "simulator" && developer ? <Simulator /> : <Shell />}
      </DeskContext.Provider>
    );
  }
  return <BaseContext.Provider value={base}>{page}</BaseContext.Provider>;
}
