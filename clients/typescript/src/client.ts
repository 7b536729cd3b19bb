import {
  BeginPasskeyAuthenticationDocument,
  BeginPasskeyRegistrationDocument,
  LogInDocument,
  LogInWithPasskeyDocument,
  LogOutDocument,
  ReauthenticateDocument,
  RefreshTokensDocument,
  RegisterPasskeyDocument,
  SignUpDocument,
  VerifySecondFactorDocument,
  type LogInMutation,
  type LogInWithPasskeyMutation,
  type PasskeyUse,
  type ProofInput,
  type RefreshTokensMutation,
  type RegisterPasskeyMutation,
  type SecondFactorInput,
  type SignUpInput,
  type Transport,
  type VerifySecondFactorMutation,
} from "./generated/graphql.js";
import type { Method } from "./generated/enums.js";
import {
  InputError,
  NetworkError,
  ReauthenticationRequiredError,
  UnauthenticatedError,
} from "./errors.js";
import { createPasskey, getPasskey } from "./passkeys.js";
import { memoryStorage, subjectOf, TokenStore, type TokenStorage, type Tokens } from "./sessions.js";
import {
  send,
  type ExecuteOptions,
  type GraphQLResponse,
  type Reply,
  type RequestOptions,
  type Source,
  type TypedDocument,
} from "./transport.js";

/** A request for recent authentication, which `onReauthenticationRequired` answers. */
export interface Reauthentication {
  readonly methods: readonly Method[];
  /** Seconds for which an authentication counts as recent. */
  readonly maxAge: number;
  /** Why the last proof was rejected; undefined at first. */
  readonly rejected: InputError | undefined;
}

export interface ClientOptions {
  /** The GraphQL endpoint, such as `https://accounts.example.com/graphql`. */
  url: string;
  fetch?: typeof fetch;
  /**
   * `TOKEN` by default. `COOKIE` is for pages of the service's own origin: their scripts cannot
   * read the session, and the admin shares it.
   */
  transport?: Transport;
  /** Where the tokens are stored; in memory by default. Not used with `COOKIE`. */
  storage?: TokenStorage;
  /** Ids of trusted documents by the operation's name, which are sent instead of their texts. */
  documentIds?: Readonly<Record<string, string>>;
  /** Return a proof, and the operation is retried; undefined, and it fails. */
  onReauthenticationRequired?: (request: Reauthentication) => Promise<ProofInput | undefined>;
}

/** Variables may be omitted if the document has none that is required. */
export type Arguments<Variables> =
  Record<string, never> extends Variables
    ? [variables?: Variables, options?: RequestOptions]
    : [variables: Variables, options?: RequestOptions];

export interface SignedInUser {
  readonly id: string;
  readonly username: string;
}

/** The second step of a log-in. A rejected factor is an `InputError`; try again. */
export interface SecondFactorChallenge {
  readonly methods: readonly Method[];
  readonly expiresAt: string;
  verify(factor: SecondFactorInput): Promise<SignedInUser>;
  verifyPasskey(signal?: AbortSignal): Promise<SignedInUser>;
}

export type LogInResult =
  | { readonly user: SignedInUser; readonly secondFactor: null }
  | { readonly user: null; readonly secondFactor: SecondFactorChallenge };

type LogInPayload =
  | LogInMutation["logIn"]
  | LogInWithPasskeyMutation["logInWithPasskey"]
  | VerifySecondFactorMutation["verifySecondFactor"];

/** Return a client of a Roster. */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

/** Sends operations as the user who is signed in. */
export class Client {
  readonly #url: string;
  readonly #fetch: typeof fetch;
  readonly #transport: Transport;
  readonly #store: TokenStore;
  readonly #documentIds: ReadonlyMap<string, string>;
  readonly #onReauthenticationRequired: ClientOptions["onReauthenticationRequired"];
  #refreshing: Promise<Tokens | undefined> | undefined;
  #reauthenticating: Promise<boolean> | undefined;

  constructor(options: ClientOptions) {
    this.#url = options.url;
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
    this.#transport = options.transport ?? "TOKEN";
    this.#documentIds = new Map(Object.entries(options.documentIds ?? {}));
    this.#store = new TokenStore(options.storage ?? memoryStorage(), options.url);
    this.#onReauthenticationRequired = options.onReauthenticationRequired;
  }

  /**
   * Return an operation's data. Throws a `RosterError`, also for rejected input, or the signal's
   * reason.
   *
   * An expired access token is refreshed, and recent authentication is requested, once each.
   */
  async request<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    ...[variables, options]: Arguments<Variables>
  ): Promise<Result> {
    const source = this.#sourceOf(document);
    let reply = await this.#authenticated(source, variables, options);
    if (reply.error instanceof ReauthenticationRequiredError && isUnexecuted(reply)) {
      if (await settled(this.#reauthenticate(reply.error), options?.signal)) {
        reply = await this.#authenticated(source, variables, options);
      }
    }
    return resultOf(reply);
  }

  /**
   * Return the whole response of any document, with its errors and extensions; for tools.
   *
   * Throws a `RosterError` if the response is not the API's, or the signal's reason.
   */
  async execute(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    options?: ExecuteOptions,
  ): Promise<GraphQLResponse> {
    const { response, error } = await this.#authenticated({ query }, variables, options);
    if (!response) {
      throw error;
    }
    return response;
  }

  /**
   * `fetch` for other GraphQL clients: requests to `url` have the access token.
   *
   * If that has expired, it is refreshed, and the request sent again; so a body must not be a stream.
   */
  readonly fetch: typeof fetch = async (input, init) => {
    const target = input instanceof Request ? input.url : String(input);
    const tokens = target.split("?")[0] === this.#url ? await this.#store.read() : undefined;
    if (!tokens) {
      return this.#fetch(input, init);
    }
    const send = ({ accessToken }: Tokens) => {
      const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : {}));
      headers.set("Authorization", `Bearer ${accessToken}`);
      return this.#fetch(input instanceof Request ? input.clone() : input, { ...init, headers });
    };
    const response = await send(tokens);
    const signal = init?.signal ?? undefined;
    const refreshed = response.status === 401 ? await this.#refreshed(tokens, signal) : undefined;
    return refreshed ? send(refreshed) : response;
  };

  /** True if there are tokens; the session may have ended. For a cookie, request `me`. */
  async isSignedIn(): Promise<boolean> {
    return (await this.#store.read()) !== undefined;
  }

  /** Request an account; its address receives a verification link. */
  async signUp(input: SignUpInput): Promise<void> {
    await this.#anonymous(SignUpDocument, { input });
  }

  /** Sign in, or return the challenge if the user has a second factor. */
  async logIn(login: string, password: string): Promise<LogInResult> {
    const deviceToken = await this.#store.deviceToken();
    const input = { login, password, deviceToken, transport: this.#transport };
    const { logIn } = await this.#anonymous(LogInDocument, { input });
    if (!logIn.secondFactor) {
      return { user: await this.#signIn(logIn), secondFactor: null };
    }
    const { mfaToken, methods, expiresAt } = logIn.secondFactor;
    const verify = async (factor: SecondFactorInput) => {
      const input = { mfaToken, factor };
      const { verifySecondFactor } = await this.#anonymous(VerifySecondFactorDocument, { input });
      return this.#signIn(verifySecondFactor);
    };
    const verifyPasskey = async (signal?: AbortSignal) =>
      verify({ passkey: await this.#askPasskey("SECOND_FACTOR", mfaToken, signal) });
    return { user: null, secondFactor: { methods, expiresAt, verify, verifyPasskey } };
  }

  /** Sign in with a passkey, without a password or a second step. */
  async logInWithPasskey(signal?: AbortSignal): Promise<SignedInUser> {
    const credential = await this.#askPasskey("LOG_IN", null, signal);
    const input = { credential, transport: this.#transport };
    const { logInWithPasskey } = await this.#anonymous(LogInWithPasskeyDocument, { input });
    return this.#signIn(logInWithPasskey);
  }

  /** Return a passkey's proof for `onReauthenticationRequired`. */
  async passkeyProof(signal?: AbortSignal): Promise<ProofInput> {
    return { passkey: await this.#askPasskey("REAUTHENTICATION", null, signal) };
  }

  /** Create a passkey on this device, and register it for the user. */
  async registerPasskey(
    name: string,
    signal?: AbortSignal,
  ): Promise<RegisterPasskeyMutation["registerPasskey"]> {
    const { beginPasskeyRegistration } = await this.request(BeginPasskeyRegistrationDocument);
    const credential = await createPasskey(beginPasskeyRegistration.options, signal);
    const input = { name, credential };
    return (await this.request(RegisterPasskeyDocument, { input })).registerPasskey;
  }

  /** End the session. Its tokens are removed even if the service cannot be reached. */
  async logOut(): Promise<void> {
    try {
      await this.request(LogOutDocument);
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) {
        throw error;
      }
    } finally {
      await this.#store.exclusively(() => this.#store.write(undefined));
    }
  }

  /** Send an operation with the access token, and again if that has expired. */
  async #authenticated(
    source: Source,
    variables: unknown,
    options: ExecuteOptions = {},
  ): Promise<Reply> {
    const tokens = await this.#store.read();
    const reply = await this.#send(source, variables, tokens, options);
    const isRejected = reply.error instanceof UnauthenticatedError && isUnexecuted(reply);
    if (!tokens || !isRejected) {
      return reply;
    }
    const refreshed = await this.#refreshed(tokens, options.signal);
    return refreshed ? this.#send(source, variables, refreshed, options) : reply;
  }

  /** Refresh rejected tokens, once for all requests; undefined if the user has no session. */
  async #refreshed(tokens: Tokens, signal: AbortSignal | undefined): Promise<Tokens | undefined> {
    this.#refreshing ??= this.#refresh(tokens).finally(() => {
      this.#refreshing = undefined;
    });
    const refreshed = await settled(this.#refreshing, signal);
    // Another user may have signed in meanwhile, whose account the request is not for.
    return refreshed && subjectOf(refreshed.accessToken) === subjectOf(tokens.accessToken)
      ? refreshed
      : undefined;
  }

  async #anonymous<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    return resultOf(await this.#send(this.#sourceOf(document), variables, undefined));
  }

  /** Return the id of a trusted document, the text of any other. */
  #sourceOf(document: TypedDocument<unknown, never>): Source {
    const query = document.toString();
    const [, name = ""] = /\b(?:query|mutation) (\w+)/.exec(query) ?? [];
    const documentId = document.documentId ?? this.#documentIds.get(name);
    return documentId === undefined ? { query } : { documentId };
  }

  #send(
    source: Source,
    variables: unknown,
    tokens: Tokens | undefined,
    options: ExecuteOptions = {},
  ): Promise<Reply> {
    return send(this.#url, this.#fetch, {
      ...options,
      source,
      variables: (variables ?? {}) as Record<string, unknown>,
      // Cookies accompany no token, so that the token is the only credential.
      credentials: this.#transport === "COOKIE" ? "same-origin" : "omit",
      accessToken: tokens?.accessToken,
    });
  }

  /** Return the tokens that replace rejected ones; undefined if the session has ended. */
  #refresh(rejected: Tokens): Promise<Tokens | undefined> {
    return this.#store.exclusively(async () => {
      const current = await this.#store.read();
      // Another tab has refreshed the tokens, or signed out.
      if (current?.accessToken !== rejected.accessToken) {
        return current;
      }
      const { refreshToken } = current;
      const source = this.#sourceOf(RefreshTokensDocument);
      const reply = await this.#send(source, { refreshToken }, undefined);
      if (reply.error instanceof InputError) {
        await this.#store.write(undefined);
        return undefined;
      }
      const tokens = tokensOf(resultOf<RefreshTokensMutation>(reply).refreshTokens);
      await this.#store.write(tokens);
      return tokens;
    });
  }

  /** Ask for proofs until one is accepted; return false if there is none. */
  #reauthenticate(error: ReauthenticationRequiredError): Promise<boolean> {
    this.#reauthenticating ??= this.#askForProof(error).finally(() => {
      this.#reauthenticating = undefined;
    });
    return this.#reauthenticating;
  }

  async #askForProof({ methods, maxAge }: ReauthenticationRequiredError): Promise<boolean> {
    let rejected: InputError | undefined;
    for (;;) {
      const proof = await this.#onReauthenticationRequired?.({ methods, maxAge, rejected });
      if (!proof) {
        return false;
      }
      const source = this.#sourceOf(ReauthenticateDocument);
      const reply = await this.#authenticated(source, { input: { proof } });
      if (!(reply.error instanceof InputError)) {
        resultOf(reply);
        return true;
      }
      rejected = reply.error;
    }
  }

  async #askPasskey(
    use: PasskeyUse,
    mfaToken: string | null,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const variables = { input: { use, mfaToken } };
    const { beginPasskeyAuthentication } = await (use === "REAUTHENTICATION"
      ? this.request(BeginPasskeyAuthenticationDocument, variables)
      : this.#anonymous(BeginPasskeyAuthenticationDocument, variables));
    return getPasskey(beginPasskeyAuthentication.options, signal);
  }

  async #signIn(payload: LogInPayload): Promise<SignedInUser> {
    const { user, deviceToken } = payload;
    if (!user) {
      throw new NetworkError("The response has no user.", { data: payload });
    }
    if (this.#transport === "COOKIE") {
      return user;
    }
    const tokens = tokensOf(payload);
    await this.#store.exclusively(() => this.#store.write(tokens));
    if (deviceToken !== null) {
      await this.#store.writeDeviceToken(deviceToken);
    }
    return user;
  }
}

/** True if no part of an operation was executed, so that it can be sent again. */
function isUnexecuted({ data }: Reply): boolean {
  return Object.values(data ?? {}).every((value) => value === null);
}

function resultOf<Result>({ error, data }: Reply): Result {
  if (error) {
    throw error;
  }
  return data as Result;
}

function tokensOf(payload: { accessToken: string | null; refreshToken: string | null }): Tokens {
  const { accessToken, refreshToken } = payload;
  if (accessToken === null || refreshToken === null) {
    throw new NetworkError("The response has no tokens.", { data: payload });
  }
  return { accessToken, refreshToken };
}

/** Return what a shared task returns, or throw the signal's reason once it is aborted. */
async function settled<Result>(task: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (!signal) {
    return task;
  }
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    task.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
