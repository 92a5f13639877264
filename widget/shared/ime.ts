/**
 * True when a key press belongs to the writer and not to an input method that is still composing. Safari ends the
 * composition before its Enter arrives, which then only `keyCode` 229 tells.
 */
export const typed = (event: KeyboardEvent): boolean => !event.isComposing && event.keyCode !== 229;

/** Enter that means "send". */
export const sends = (event: KeyboardEvent): boolean => event.key === "Enter" && !event.shiftKey && typed(event);
