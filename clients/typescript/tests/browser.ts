/** What the tests in Chromium use, for one bundle. */
export * from "@roster/client";
export {
  MeDocument,
  RegenerateRecoveryCodesDocument,
} from "@roster/client/documents";
