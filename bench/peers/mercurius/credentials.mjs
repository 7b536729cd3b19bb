// Passwords as Django stores them, and Roster's access tokens.
import { argon2, createPublicKey, randomBytes } from "node:crypto";
import { promisify } from "node:util";

import { createVerifier } from "fast-jwt";

const hash = promisify(argon2);
const MEMORY = Number(process.env.BENCH_ARGON2_MEMORY_KIB);
const PASSES = Number(process.env.BENCH_ARGON2_PASSES);
const KEY = createPublicKey({ key: JSON.parse(process.env.BENCH_PUBLIC_KEY), format: "jwk" });

// The cache of verified tokens is fast-jwt's own, recommended for public keys.
const verify = createVerifier({
  key: KEY.export({ type: "spki", format: "pem" }),
  algorithms: ["EdDSA"],
  allowedIss: process.env.PUBLIC_URL,
  allowedAud: process.env.PUBLIC_URL,
  requiredClaims: ["sid", "exp"],
  cache: 10_000,
});

/** Return the Argon2id hash of a password, in the format of Django's hasher. */
export async function hashPassword(password) {
  // With fewer bytes, Django would replace the hash at the first log-in.
  const nonce = randomBytes(22);
  const tag = await hash("argon2id", {
    message: password,
    nonce,
    parallelism: 1,
    tagLength: 32,
    memory: MEMORY,
    passes: PASSES,
  });
  return `argon2$argon2id$v=19$m=${MEMORY},t=${PASSES},p=1$${base64(nonce)}$${base64(tag)}`;
}

/** Return the session's id of an `Authorization` header; throws for an invalid token. */
export function sessionId(authorization = "") {
  return verify(authorization.replace(/^Bearer /, "")).sid;
}

function base64(bytes) {
  return bytes.toString("base64").replace(/=+$/, "");
}
