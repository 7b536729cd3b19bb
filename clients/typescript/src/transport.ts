import {
  errorOf,
  InputError,
  NetworkError,
  type Code,
  type ErrorDetails,
  type FieldError,
  type GraphQLError,
  type RosterError,
} from "./errors.js";

/** The text of an operation, with the types of its result and variables. */
export interface TypedDocument<Result, Variables> {
  toString(): string;
  /** The id of a trusted document, which is sent instead of the text. */
  readonly documentId?: string;
  __apiType?: (variables: Variables) => Result;
}

export interface RequestOptions {
  signal?: AbortSignal;
  /** Accept an answer that is up to so many seconds old; for single queries. */
  maxAge?: number;
}

export interface ExecuteOptions extends RequestOptions {
  operationName?: string;
  /** The `extensions` of the request, such as `{cost: true}`. */
  extensions?: Readonly<Record<string, unknown>>;
  /** Headers in addition to the client's own, which they replace. */
  headers?: Readonly<Record<string, string>>;
}

/** A document's text or its id. */
export type Source = { readonly query: string } | { readonly documentId: string };

export interface Exchange extends ExecuteOptions {
  readonly source: Source;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly credentials: RequestCredentials;
  readonly accessToken: string | undefined;
}

/** A GraphQL response as it was received. */
export interface GraphQLResponse {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly GraphQLError[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface Reply {
  readonly status: number;
  /** Undefined if the response is not the API's. */
  readonly response: GraphQLResponse | undefined;
  readonly data: Readonly<Record<string, unknown>> | null;
  /** What the response reports, most specific class first; undefined after success. */
  readonly error: RosterError | undefined;
}

/** Codes of responses that are not the API's, by their status. */
const GATEWAYS: Readonly<Record<number, Code>> = {
  408: "TIMEOUT",
  413: "BODY_TOO_LARGE",
  429: "RATE_LIMITED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "TIMEOUT",
};

/** Send an operation. Throws `NetworkError`, or the signal's reason. */
export async function send(url: string, fetch_: typeof fetch, exchange: Exchange): Promise<Reply> {
  const { accessToken, credentials, maxAge, signal } = exchange;
  const headers = new Headers({ Accept: "application/graphql-response+json" });
  if (accessToken !== undefined) {
    headers.set("Authorization", `Bearer ${accessToken}`);
  }
  if (maxAge !== undefined) {
    headers.set("Cache-Control", `max-age=${maxAge}`);
  }
  const body = encode(exchange);
  if (typeof body === "string") {
    headers.set("Content-Type", "application/json");
  } else {
    // `fetch` sets the Content-Type of a form, which has its boundary.
    headers.set("GraphQL-Require-Preflight", "1");
  }
  for (const [name, value] of Object.entries(exchange.headers ?? {})) {
    headers.set(name, value);
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch_(url, {
      method: "POST",
      credentials,
      headers,
      body,
      ...(signal && { signal }),
    });
    text = await response.text();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new NetworkError("The service cannot be reached.", { cause });
  }
  return decode(response, text);
}

/** Return the JSON of an operation or, if its variables have files, a multipart form. */
function encode({ source, variables, operationName, extensions }: Exchange): string | FormData {
  const files = new Map<Blob, string[]>();
  const operations = JSON.stringify({
    ...source,
    variables: withoutFiles(variables, "variables", files),
    operationName,
    extensions,
  });
  if (!files.size) {
    return operations;
  }
  const form = new FormData();
  const parts = [...files].map(([file, paths], index) => ({ file, paths, name: `${index}` }));
  form.set("operations", operations);
  form.set("map", JSON.stringify(Object.fromEntries(parts.map((part) => [part.name, part.paths]))));
  for (const { name, file } of parts) {
    form.set(name, file);
  }
  return form;
}

/** Return a copy with null in place of files, and collect the paths of these. */
function withoutFiles(value: unknown, path: string, files: Map<Blob, string[]>): unknown {
  if (value instanceof Blob) {
    files.set(value, [...(files.get(value) ?? []), path]);
    return null;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => withoutFiles(item, `${path}.${index}`, files));
  }
  if (isObject(value) && Object.getPrototypeOf(value) === Object.prototype) {
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, withoutFiles(item, `${path}.${key}`, files)]),
    );
  }
  return value;
}

function decode(received: Response, text: string): Reply {
  const { status, headers } = received;
  const body = parse(text);
  const response = isObject(body) && ("data" in body || "errors" in body) ? body : undefined;
  const data = isObject(response?.["data"]) ? response["data"] : null;
  const errors = (response?.["errors"] ?? []) as GraphQLError[];
  const details = { data, errors, requestId: headers.get("X-Request-ID") };
  return { status, response, data, error: errorIn(received, details) };
}

/** Return what a response reports, undefined after success. */
function errorIn(
  { status, headers }: Response,
  details: ErrorDetails & Pick<Reply, "data"> & { errors: readonly GraphQLError[] },
): RosterError | undefined {
  const [first] = details.errors;
  const waiting = Number(headers.get("Retry-After") ?? 0);
  if (first) {
    const extensions = first.extensions ?? {};
    const code = (extensions["code"] ?? "INTERNAL_ERROR") as Code;
    const retryAfter = Number(extensions["retryAfter"] ?? waiting);
    return errorOf(code, first.message, { ...details, extensions }, retryAfter);
  }
  if (!details.data) {
    const code = GATEWAYS[status];
    const message = `The response has the status ${status} and is not the API's.`;
    return code
      ? errorOf(code, message, details, waiting)
      : new NetworkError(message, details);
  }
  return rejection(details.data, details);
}

/** Return the error of the payloads' `errors`, undefined if there are none. */
function rejection(
  data: Readonly<Record<string, unknown>>,
  details: ErrorDetails,
): InputError | undefined {
  const [first, ...others] = Object.values(data).flatMap((payload) =>
    isObject(payload) && Array.isArray(payload["errors"])
      ? (payload["errors"] as Partial<FieldError>[])
      : [],
  );
  const complete = (error: Partial<FieldError>): FieldError => ({
    code: error.code ?? "VALUE_INVALID",
    field: error.field ?? null,
    message: error.message ?? "",
  });
  return first && new InputError([complete(first), ...others.map(complete)], details);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
