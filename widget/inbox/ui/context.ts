import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Base, Desk } from "../core/desk";

export const BaseContext = createContext<Base | null>(null);
export const DeskContext = createContext<Desk | null>(null);

export function useBase(): Base {
  const base = useContext(BaseContext);
  if (!base) throw new Error("no BaseContext around this component");
  return base;
}

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("no DeskContext around this component");
  return desk;
}
