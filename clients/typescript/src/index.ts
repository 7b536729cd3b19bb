export {
  createClient,
  type Arguments,
  type Client,
  type ClientOptions,
  type LogInResult,
  type Reauthentication,
  type SecondFactorChallenge,
  type SignedInUser,
} from "./client.js";
export {
  InputError,
  NetworkError,
  RateLimitedError,
  ReauthenticationRequiredError,
  RosterError,
  UnauthenticatedError,
  type Code,
  type FieldError,
  type GraphQLError,
} from "./errors.js";
export type { ErrorCode, Method, RequestErrorCode } from "./generated/enums.js";
export { createPasskey, getPasskey, supportsPasskeys } from "./passkeys.js";
export { memoryStorage, type TokenStorage } from "./sessions.js";
export type {
  ExecuteOptions,
  GraphQLResponse,
  RequestOptions,
  TypedDocument,
} from "./transport.js";
