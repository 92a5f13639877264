/** The panel's other files, each fetched when it is needed. */

/** A browser remembers that a module failed, so another try (of the panel, too) needs another address. */
let tries = new URL(import.meta.url).search.slice(1);

/** Import a file from beside the panel; typed by the caller, who knows what the build puts there. */
export const later = <M>(path: string): Promise<M> => {
  const { href } = new URL(path + (tries && `?${tries}`), import.meta.url);
  return import(/* @vite-ignore */ href).catch((error: unknown) => {
    tries += "1";
    throw error;
  });
};
