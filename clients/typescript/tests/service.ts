import { createHmac } from "node:crypto";
import { createClient, type Client, type ClientOptions } from "@roster/client";

/** The service that tests/system/test_typescript_client.py has started, and its users. */
interface Service {
  readonly url: string;
  readonly password: string;
  /** Tokens by user: Bob's and Dora's access tokens have expired, and Charlie authenticated long ago. */
  readonly tokens: Record<"bob" | "charlie" | "dora", { accessToken: string; refreshToken: string }>;
  /** A PNG, in base64. */
  readonly image: string;
}

export const service = JSON.parse(process.env["ROSTER_SERVICE"] ?? "null") as Service;

export interface Exchange {
  readonly operation: string;
  readonly headers: Headers;
  readonly response: Response;
}

/** Return a client and what it exchanges with the service, in the order of the responses. */
export function recorded(options: Partial<ClientOptions> = {}): {
  client: Client;
  exchanges: Exchange[];
} {
  const exchanges: Exchange[] = [];
  const client = createClient({
    url: service.url,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      const operation = /(?:query|mutation) (\w+)/.exec(String(init?.body))?.[1] ?? "";
      exchanges.push({ operation, headers: new Headers(init?.headers), response });
      return response;
    },
    ...options,
  });
  return { client, exchanges };
}

/** Return a client that is signed in without a second factor. */
export async function signedIn(
  login: string,
  options: Partial<ClientOptions> = {},
): Promise<ReturnType<typeof recorded>> {
  const result = recorded(options);
  await result.client.logIn(login, service.password);
  return result;
}

/** Return a storage with a user's tokens. */
export function storageOf(user: keyof Service["tokens"]): Map<string, string> & {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
} {
  const items = new Map([[`roster:${service.url}`, JSON.stringify(service.tokens[user])]]);
  return Object.assign(items, {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  });
}

/** Return the code of an authenticator app (RFC 6238), so many steps of 30 seconds ahead. */
export function totp(secret: string, later = 0): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((each) => alphabet.indexOf(each).toString(2).padStart(5, "0"));
  const bytes = bits.join("").match(/.{8}/g) ?? [];
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const key = Buffer.from(bytes.map((each) => Number.parseInt(each, 2)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
