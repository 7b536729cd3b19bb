import type { ErrorCode, Method, RequestErrorCode } from "./generated/enums.js";

/** Codes of the API, of the servers in front of it, and of the network. */
export type Code = ErrorCode | RequestErrorCode | "TIMEOUT" | "UNAVAILABLE" | "NETWORK_ERROR";

/** An error of the GraphQL response's `errors`. */
export interface GraphQLError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Rejected input: `field` is a path, null if the problem is not of one field. */
export interface FieldError {
  readonly code: ErrorCode;
  readonly field: readonly string[] | null;
  readonly message: string;
}

export interface ErrorDetails {
  /** The `extensions` of the first error. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** All errors of the response. */
  readonly errors?: readonly GraphQLError[];
  /** What the response contains despite its errors. */
  readonly data?: unknown;
  /** The response's `X-Request-ID`, by which operators find a fault in the log. */
  readonly requestId?: string | null;
  readonly cause?: unknown;
}

/** An operation failed; `code` is stable, `message` is for users. */
export class RosterError extends Error {
  override readonly name: string = "RosterError";
  readonly code: Code;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly errors: readonly GraphQLError[];
  readonly data: unknown;
  readonly requestId: string | null;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.extensions = details.extensions ?? {};
    this.errors = details.errors ?? [];
    this.data = details.data ?? null;
    this.requestId = details.requestId ?? null;
  }
}

/** No user is signed in, or the session has ended. */
export class UnauthenticatedError extends RosterError {
  override readonly name = "UnauthenticatedError";

  constructor(message: string, details?: ErrorDetails) {
    super("UNAUTHENTICATED", message, details);
  }
}

/** The operation requires recent authentication by one of `methods`. */
export class ReauthenticationRequiredError extends RosterError {
  override readonly name = "ReauthenticationRequiredError";
  readonly methods: readonly Method[];
  /** Seconds for which an authentication counts as recent. */
  readonly maxAge: number;

  constructor(message: string, details: ErrorDetails) {
    super("REAUTHENTICATION_REQUIRED", message, details);
    this.methods = (this.extensions["methods"] ?? []) as readonly Method[];
    this.maxAge = Number(this.extensions["maxAge"] ?? 0);
  }
}

/** Too many requests or attempts; try again after `retryAfter` seconds. */
export class RateLimitedError extends RosterError {
  override readonly name = "RateLimitedError";
  readonly retryAfter: number;

  constructor(code: Code, message: string, retryAfter: number, details?: ErrorDetails) {
    super(code, message, details);
    this.retryAfter = retryAfter;
  }
}

/** The input was rejected, and nothing was changed; `code` is the first problem's. */
export class InputError extends RosterError {
  override readonly name = "InputError";
  readonly fields: readonly FieldError[];

  constructor(fields: readonly [FieldError, ...FieldError[]], details?: ErrorDetails) {
    super(fields[0].code, fields[0].message, details);
    this.fields = fields;
  }

  /** Return the problems of one field of the input, by its path with dots. */
  of(field: string): FieldError[] {
    return this.fields.filter((error) => error.field?.join(".") === field);
  }
}

/** The service cannot be reached, or the answer is not its own; a mutation may have been executed. */
export class NetworkError extends RosterError {
  override readonly name = "NetworkError";

  constructor(message: string, details?: ErrorDetails) {
    super("NETWORK_ERROR", message, details);
  }
}

const RATE_LIMITS: ReadonlySet<Code> = new Set<Code>([
  "RATE_LIMITED",
  "SERVICE_BUSY",
  "TOO_MANY_ATTEMPTS",
]);

/** Return the error of a code, as its class. */
export function errorOf(
  code: Code,
  message: string,
  details: ErrorDetails,
  retryAfter: number,
): RosterError {
  if (code === "UNAUTHENTICATED") {
    return new UnauthenticatedError(message, details);
  }
  if (code === "REAUTHENTICATION_REQUIRED") {
    return new ReauthenticationRequiredError(message, details);
  }
  return RATE_LIMITS.has(code)
    ? new RateLimitedError(code, message, retryAfter, details)
    : new RosterError(code, message, details);
}
