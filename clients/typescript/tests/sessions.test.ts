import assert from "node:assert/strict";
import { test } from "node:test";
import { InputError, UnauthenticatedError } from "@roster/client";
import {
  BeginTotpEnrollmentDocument,
  ConfirmTotpEnrollmentDocument,
  LogOutEverywhereDocument,
  MeDocument,
  SessionsDocument,
} from "@roster/client/documents";
import { recorded, service, signedIn, storageOf, totp } from "./service.js";

test("signs in, queries and signs out", async () => {
  const { client } = recorded();

  const { user } = await client.logIn("alice", service.password);
  assert.equal(user?.username, "alice");
  assert.equal((await client.request(MeDocument)).me?.username, "alice");

  await client.logOut();
  assert.equal(await client.isSignedIn(), false);
  assert.equal((await client.request(MeDocument)).me, null);
});

test("a rejected password is an input error", async () => {
  const { client } = recorded();

  await assert.rejects(client.logIn("alice", "not the password"), (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "CREDENTIALS_INVALID");
    return true;
  });
  assert.equal(await client.isSignedIn(), false);
});

test("sign-ups report each field", async () => {
  const { client } = recorded();
  const input = { email: "no address", username: "x", password: service.password, locale: "en" };

  await assert.rejects(client.signUp(input), (error) => {
    assert.ok(error instanceof InputError);
    const problems = error.fields.map(({ code, field }) => [code, field]);
    assert.deepEqual(problems, [
      ["EMAIL_INVALID", ["email"]],
      ["USERNAME_INVALID", ["username"]],
    ]);
    assert.equal(error.of("username").length, 1);
    return true;
  });
  await client.signUp({ ...input, email: "eve@example.org", username: "eve" });
});

test("concurrent requests refresh an expired access token once, across clients", async () => {
  const storage = storageOf("bob");
  const first = recorded({ storage });
  const second = recorded({ storage });

  const answers = await Promise.all(
    [first, first, second].map(({ client }) => client.request(MeDocument)),
  );

  assert.deepEqual(
    answers.map(({ me }) => me?.username),
    ["bob", "bob", "bob"],
  );
  const refreshes = [...first.exchanges, ...second.exchanges].filter(
    ({ operation }) => operation === "RefreshTokens",
  );
  // Only the Web Locks API excludes other clients; Node has it since version 24. Without it, a
  // client refreshes too if it starts before the other has stored its tokens.
  assert.ok(refreshes.length === 1 || (refreshes.length === 2 && !globalThis.navigator?.locks));
  const stored = JSON.parse(storage.getItem(`roster:${service.url}`) ?? "null");
  assert.notEqual(stored.refreshToken, service.tokens.bob.refreshToken);
});

test("fetch sends the tokens to the service only, and refreshes them", async () => {
  const storage = storageOf("dora");
  const expired = JSON.parse(storage.getItem(`roster:${service.url}`) ?? "null");
  const { client, exchanges } = recorded({ storage });
  const body = JSON.stringify({ query: "query Me { me { username } }" });
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body };

  for (const request of [new Request(service.url, init), service.url]) {
    const response = await client.fetch(request, request instanceof Request ? undefined : init);
    assert.deepEqual(await response.json(), { data: { me: { username: "dora" } } });
  }

  const sent = exchanges.map(({ operation }) => operation).filter(Boolean);
  assert.deepEqual(sent, ["RefreshTokens", "Me"]);
  assert.notEqual(storage.getItem(`roster:${service.url}`), JSON.stringify(expired));
  const elsewhere = await client.fetch(new URL("/livez", service.url));
  assert.equal(elsewhere.status, 200);
  assert.equal(exchanges.at(-1)?.headers.has("Authorization"), false);
});

test("a session that was ended elsewhere is unauthenticated, and its tokens are removed", async () => {
  const { client } = await signedIn("alice");
  const elsewhere = await signedIn("alice");
  await elsewhere.client.request(LogOutEverywhereDocument);

  await assert.rejects(client.request(MeDocument), UnauthenticatedError);

  assert.equal(await client.isSignedIn(), false);
});

test("an aborted request rejects with the signal's reason", async () => {
  const { client } = await signedIn("alice");
  const reason = new Error("The page was left.");

  await assert.rejects(client.request(MeDocument, {}, { signal: AbortSignal.abort(reason) }), reason);
});

test("anonymous requests of a user's data are unauthenticated", async () => {
  const { client } = recorded();

  await assert.rejects(client.request(SessionsDocument, { first: 1 }), UnauthenticatedError);
});

test("a second factor completes the log-in, by a code or a recovery code", async () => {
  const { client } = await signedIn("dora");
  const { beginTotpEnrollment } = await client.request(BeginTotpEnrollmentDocument);
  const secret = beginTotpEnrollment.secret ?? "";
  const { confirmTotpEnrollment } = await client.request(ConfirmTotpEnrollmentDocument, {
    input: { code: totp(secret) },
  });
  const [recoveryCode = ""] = confirmTotpEnrollment.recoveryCodes ?? [];
  await client.logOut();

  const { user, secondFactor } = await client.logIn("dora", service.password);
  assert.equal(user, null);
  assert.deepEqual(secondFactor?.methods.toSorted(), ["RECOVERY_CODE", "TOTP"]);
  await assert.rejects(secondFactor!.verify({ totp: "1" }), InputError);
  assert.equal(await client.isSignedIn(), false);
  assert.equal((await secondFactor!.verify({ recoveryCode })).username, "dora");
  assert.equal((await client.request(MeDocument)).me?.username, "dora");

  const again = await client.logIn("dora", service.password);
  assert.equal((await again.secondFactor!.verify({ totp: totp(secret, 1) })).username, "dora");
});

test("recent authentication is requested, and the operation retried", async () => {
  const requests: unknown[] = [];
  const proofs = [{ password: "not the password" }, { password: service.password }];
  const { client, exchanges } = recorded({
    storage: storageOf("charlie"),
    onReauthenticationRequired: async ({ methods, rejected }) => {
      requests.push([methods, rejected?.code]);
      return proofs.shift();
    },
  });

  const { beginTotpEnrollment } = await client.request(BeginTotpEnrollmentDocument);

  assert.ok(beginTotpEnrollment.secret);
  assert.deepEqual(requests, [
    [["PASSWORD"], undefined],
    [["PASSWORD"], "PASSWORD_WRONG"],
  ]);
  assert.deepEqual(
    exchanges.map(({ operation }) => operation),
    ["BeginTotpEnrollment", "Reauthenticate", "Reauthenticate", "BeginTotpEnrollment"],
  );
});
