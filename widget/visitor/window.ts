/** The window around the chat: its title, its address, and how much of it a phone's keyboard leaves. */

const COUNTED = /^\(\d+\) /;

/** `(2) Title` while nobody looks at the page. */
export const titled = (unread: number): void => {
  const plain = document.title.replace(COUNTED, "");
  const title = unread && document.hidden ? `(${unread}) ${plain}` : plain;
  if (title !== document.title) document.title = title;
};

/** Call `moved` when a page without reload may show another address. Nothing of the page's own is wrapped. */
export const watchPage = (moved: () => void, signal: AbortSignal): void => {
  const { navigation } = window as { navigation?: EventTarget };
  navigation?.addEventListener("currententrychange", moved, { signal });
  window.addEventListener("popstate", moved, { signal });
};

/** Keep the frame as high as what the keyboard leaves free; `around` wraps the change. */
export const fit = (frame: HTMLElement, around: (change: () => void) => void, signal: AbortSignal): void => {
  const view = window.visualViewport;
  const measure = (): void =>
    around(() => {
      frame.style.setProperty("--view-height", `${view?.height}px`);
      frame.style.setProperty("--view-top", `${view?.offsetTop}px`);
    });
  for (const type of ["resize", "scroll"]) view?.addEventListener(type, measure, { signal });
  measure();
};
