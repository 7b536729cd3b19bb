import assert from "node:assert/strict";
import { test } from "node:test";
import { createVerifier } from "../generated/compiled/node/src/verify.js";
import { service } from "./service.mjs";

const verify = createVerifier(service.issuer);

test("an access token names the user and the session", async () => {
  const claims = await verify(service.tokens.valid);

  assert.equal(claims.sub, service.sub);
  assert.match(claims.sid, /^[0-9a-f-]{36}$/);
});

for (const [name, token] of Object.entries(service.tokens)) {
  if (name !== "valid") {
    test(`a token is rejected: ${name}`, () => assert.rejects(verify(token)));
  }
}
