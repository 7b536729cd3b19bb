import { isObject } from "./transport.js";

/** Where the tokens are stored: `localStorage`, or any store of strings like it. */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
  removeItem(key: string): void | Promise<void>;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Return a storage that ends with the page or process. */
export function memoryStorage(): TokenStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/** The tokens of one service in a storage that tabs share. */
export class TokenStore {
  readonly #storage: TokenStorage;
  readonly #key: string;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(storage: TokenStorage, url: string) {
    this.#storage = storage;
    this.#key = `roster:${url}`;
  }

  async read(): Promise<Tokens | undefined> {
    const text = await this.#storage.getItem(this.#key);
    return text === null ? undefined : (JSON.parse(text) as Tokens);
  }

  /** Store the tokens, or remove them. Only within `exclusively`. */
  async write(tokens: Tokens | undefined): Promise<void> {
    await (tokens
      ? this.#storage.setItem(this.#key, JSON.stringify(tokens))
      : this.#storage.removeItem(this.#key));
  }

  /** The token that identifies this device; it survives signing out. */
  async deviceToken(): Promise<string | null> {
    return this.#storage.getItem(`${this.#key}:device`);
  }

  async writeDeviceToken(token: string): Promise<void> {
    await this.#storage.setItem(`${this.#key}:device`, token);
  }

  /**
   * Run a task while no other changes the tokens, in any tab of the browser.
   *
   * Without the Web Locks API, this excludes the tasks of this client only. The service then
   * returns the same new tokens to tabs that refresh within ten seconds.
   */
  async exclusively<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(() =>
      globalThis.navigator?.locks
        ? (navigator.locks.request(this.#key, task) as Promise<Result>)
        : task(),
    );
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** Return the user of an access token, which is a JWT; undefined if it cannot be read. */
export function subjectOf(accessToken: string): string | undefined {
  try {
    const payload = accessToken.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
    const claims: unknown = JSON.parse(atob(payload));
    return isObject(claims) ? String(claims["sub"]) : undefined;
  } catch {
    return undefined;
  }
}
