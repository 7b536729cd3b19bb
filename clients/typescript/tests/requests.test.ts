import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createClient, NetworkError, RateLimitedError, RosterError } from "@roster/client";
import {
  DirectoryDocument,
  MeDocument,
  SetAvatarDocument,
  UpdateProfileDocument,
} from "@roster/client/documents";
import { recorded, service, signedIn } from "./service.js";

test("uploads an avatar in a multipart request", async () => {
  const { client, exchanges } = await signedIn("alice");
  const image = new Blob([Buffer.from(service.image, "base64")], { type: "image/png" });

  const { setAvatar } = await client.request(SetAvatarDocument, { image });

  const avatar = setAvatar.user?.avatar;
  assert.deepEqual([avatar?.width, avatar?.height], [512, 512]);
  assert.equal(exchanges.at(-1)?.headers.get("GraphQL-Require-Preflight"), "1");
});

test("max-age accepts an older answer", async () => {
  const root = await signedIn("root");
  const alice = await signedIn("alice");
  const names = async (maxAge?: number) => {
    const options = maxAge === undefined ? {} : { maxAge };
    const { users } = await root.client.request(DirectoryDocument, { first: 50 }, options);
    return users.edges.map(({ node }) => node.name);
  };
  await names(60);
  await names(60);

  await alice.client.request(UpdateProfileDocument, { input: { name: "Alice Amended" } });

  assert.ok(!(await names(60)).includes("Alice Amended"));
  const { headers, response } = root.exchanges.at(-1)!;
  assert.equal(headers.get("Cache-Control"), "max-age=60");
  assert.ok(response.headers.has("Age"));
  assert.ok((await names()).includes("Alice Amended"));
});

test("too many attempts are rate-limited, with the seconds to wait", async () => {
  const { client } = recorded();
  const attempt = () => client.logIn("unknown", "not the password").catch((error) => error);
  const errors: unknown[] = [];
  for (let count = 0; count <= 10; count++) {
    errors.push(await attempt());
  }

  const last = errors.at(-1);
  assert.ok(last instanceof RateLimitedError);
  assert.equal(last.code, "TOO_MANY_ATTEMPTS");
  assert.ok(last.retryAfter > 0);
});

test("other errors have their code and the id of the request", async () => {
  const { client } = recorded();

  await assert.rejects(client.request("query { unknown }"), (error) => {
    assert.ok(error instanceof RosterError);
    assert.equal(error.code, "GRAPHQL_VALIDATION_FAILED");
    assert.ok(error.requestId);
    return true;
  });
});

test("execute returns the whole response", async () => {
  const { client } = await signedIn("alice");
  const document = "query Name { me { name } } query Invalid { node(id: 1) { id } }";

  const { data, errors, extensions } = await client.execute(document, undefined, {
    operationName: "Name",
    extensions: { cost: true },
  });
  const refused = await client.execute("{ unknown }");

  assert.deepEqual(Object.keys(data ?? {}), ["me"]);
  assert.equal(errors, undefined);
  assert.equal((extensions?.["cost"] as { requested: number }).requested, 1);
  assert.equal(refused.errors?.[0]?.extensions?.["code"], "GRAPHQL_VALIDATION_FAILED");
});

test("trusted documents are sent by their id", async () => {
  const text = await readFile("../../docs/operations/signing-in/LogIn.graphql");
  const documentId = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  const bodies: Record<string, unknown>[] = [];
  const { client } = recorded({
    documentIds: { LogIn: documentId },
    fetch: (url, init) => {
      bodies.push(JSON.parse(String(init?.body)));
      return fetch(url, init);
    },
  });

  const { user } = await client.logIn("alice", service.password);

  assert.equal(user?.username, "alice");
  assert.equal(bodies[0]?.["documentId"], documentId);
  assert.ok(!("query" in bodies[0]!));
});

test("a service that cannot be reached is a network error", async () => {
  const client = createClient({ url: "http://127.0.0.1:9/graphql" });

  await assert.rejects(client.request(MeDocument), NetworkError);
});

test("answers of a gateway have the code of their status", async (context) => {
  const gateway = createServer((_request, response) => {
    response.writeHead(503, { "Content-Type": "text/html" }).end("<h1>Unavailable</h1>");
  });
  context.after(() => gateway.close());
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  const { port } = gateway.address() as AddressInfo;
  const client = createClient({ url: `http://127.0.0.1:${port}/graphql` });

  await assert.rejects(client.request(MeDocument), { name: "RosterError", code: "UNAVAILABLE" });
});
