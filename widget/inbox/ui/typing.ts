/** Tells the customer's side that we are typing: at most every few seconds, and when we stop. */
import { useRef } from "preact/hooks";
import { useDesk } from "./context";

const EVERY_MS = 3000;

export function useTypingSignal(conversation: string): (on: boolean) => void {
  const { live } = useDesk();
  const last = useRef(0);
  return (on) => {
    const now = Date.now();
    if (on ? now - last.current < EVERY_MS : last.current === 0) return;
    last.current = on ? now : 0;
    void live.request("typing", { on, conversation });
  };
}
