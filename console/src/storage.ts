import type { Storage } from "@graphiql/toolkit";

/**
 * Namespace of the keys: on localhost, the GraphiQL of other projects shares the
 * origin and its storage.
 */
const PREFIX = "roster/";

function ownKeys(): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
}

export const storage: Storage = {
  getItem: (key) => localStorage.getItem(PREFIX + key),
  setItem: (key, value) => localStorage.setItem(PREFIX + key, value),
  removeItem: (key) => localStorage.removeItem(PREFIX + key),
  clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
  get length() {
    return ownKeys().length;
  },
};

export function isFirstVisit(): boolean {
  return storage.getItem("graphiql:tabState") === null;
}
