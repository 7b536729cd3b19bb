import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  gql,
  HttpLink,
  InMemoryCache,
} from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { generatePersistedQueryIdsFromManifest } from "@apollo/persisted-query-lists";
import { Client, createRequest, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { parse } from "graphql";
import { APOLLO_ME } from "./src/apollo.js";

// Otherwise urql refuses a document that has an id and no definitions.
process.env.NODE_ENV = "production";

/** The ports of the replicas by how they are configured, and an access token of Alice's. */
const { replicas, token } = JSON.parse(process.env.ROSTER_REPLICAS);
const Authorization = `Bearer ${token}`;
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const manifest = async (name) => JSON.parse(await readFile(`generated/manifests/${name}`, "utf8"));
const urlOf = (replica) => `http://127.0.0.1:${replicas[replica]}/graphql`;

/** Records which requests had the text of the document. */
function recorder() {
  const sent = [];
  const record = async (url, options) => {
    const hasText =
      options.method === "GET"
        ? new URL(url).searchParams.has("query")
        : "query" in JSON.parse(options.body);
    const response = await fetch(url, options);
    sent.push(`${options.method} ${hasText ? "text" : "id"} ${response.status}`);
    return response;
  };
  return { sent, record };
}

function apollo(replica, record, options = { sha256 }) {
  const http = new HttpLink({ uri: urlOf(replica), fetch: record, headers: { Authorization } });
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([new PersistedQueryLink(options), http]),
  });
}

function urql(replica, record, options) {
  return new Client({
    url: urlOf(replica),
    fetch: record,
    fetchOptions: { headers: { Authorization } },
    requestPolicy: "network-only",
    preferGetMethod: false,
    exchanges: [...(options ? [persistedExchange(options)] : []), fetchExchange],
  });
}

/** Returns a document that no other test sends. */
let drawn = 0;
const draw = () => `query Drawn${++drawn} { me { id username __typename } }`;

const ask = {
  apollo: async (client, text) => {
    const { data } = await client.query({ query: gql(text), fetchPolicy: "no-cache" });
    return data.me.username;
  },
  urql: async (client, text) => {
    const { data, error } = await client.query(text, {}).toPromise();
    assert.equal(error, undefined);
    return data.me.username;
  },
};

test("Apollo stores a document once, and finds it by POST and by GET", async () => {
  const text = draw();
  const first = recorder();
  assert.equal(await ask.apollo(apollo("any", first.record), text), "alice");
  assert.deepEqual(first.sent, ["POST id 400", "POST text 200"]);
  for (const method of ["POST", "GET"]) {
    const other = recorder();
    const options = { sha256, useGETForHashedQueries: method === "GET" };
    assert.equal(await ask.apollo(apollo("any", other.record, options), text), "alice");
    assert.deepEqual(other.sent, [`${method} id 200`]);
  }
});

test("urql stores a document once, and finds it by POST and by GET", async () => {
  const text = draw();
  const first = recorder();
  const options = { preferGetForPersistedQueries: false };
  assert.equal(await ask.urql(urql("any", first.record, options), text), "alice");
  assert.deepEqual(first.sent, ["POST id 400", "POST text 200"]);
  for (const method of ["POST", "GET"]) {
    const other = recorder();
    const preferGetForPersistedQueries = method === "GET" && "force";
    const client = urql("any", other.record, { preferGetForPersistedQueries });
    assert.equal(await ask.urql(client, text), "alice");
    assert.deepEqual(other.sent, [`${method} id 200`]);
  }
});

for (const name of ["apollo", "urql"]) {
  const connect = { apollo, urql }[name];
  const options = { sha256, preferGetForPersistedQueries: false };

  test(`${name} sends texts only, once the store is known to be off`, async () => {
    const { sent, record } = recorder();
    const client = connect("off", record, options);
    for (let time = 0; time < 3; time++) {
      assert.equal(await ask[name](client, draw()), "alice");
    }
    assert.deepEqual(sent, ["POST id 400", "POST text 200", "POST text 200", "POST text 200"]);
  });

  test(`${name} falls back while the store is down`, async () => {
    const { sent, record } = recorder();
    const text = draw();
    for (let time = 0; time < 2; time++) {
      assert.equal(await ask[name](connect("down", record, options), text), "alice");
    }
    // The process has it in its memory then.
    assert.deepEqual(sent, ["POST id 400", "POST text 200", "POST id 200"]);
  });
}

for (const replica of ["any", "trusted"]) {
  test(`documents of Apollo's manifest are executed, ${replica}`, async () => {
    const { sent, record } = recorder();
    const loadManifest = () => manifest("apollo.json");
    const options = generatePersistedQueryIdsFromManifest({ loadManifest });
    const { data } = await apollo(replica, record, options).query({ query: APOLLO_ME });
    assert.equal(data.me.username, "alice");
    assert.deepEqual(sent, ["POST id 200"]);
  });

  for (const algorithm of ["sha1", "sha256"]) {
    test(`documents of graphql-codegen's manifest are executed, ${algorithm}, ${replica}`, async () => {
      const texts = Object.entries(await manifest(`${algorithm}/persisted-documents.json`));
      // As the generated modules have them.
      const [me, bio] = ["query CodegenMe", "mutation CodegenBio"].map((start) => {
        const [hash, text] = texts.find(([, each]) => each.includes(start));
        return { ...parse(text), __meta__: { hash } };
      });
      const check = async (client, ...documents) => {
        const read = await client.query(documents[0], {}).toPromise();
        assert.equal(read.data.me.username, "alice");
        const written = await client.mutation(documents[1], { bio: "x" }).toPromise();
        assert.deepEqual(written.data.updateProfile.errors, []);
      };
      const ids = ["POST id 200", "POST id 200"];

      const byHash = recorder();
      const options = {
        generateHash: async (_text, document) => document.__meta__.hash,
        enforcePersistedQueries: true,
        enableForMutation: true,
        preferGetForPersistedQueries: false,
      };
      await check(urql(replica, byHash.record, options), me, bio);
      assert.deepEqual(byHash.sent, ids);

      const byId = recorder();
      const only = (document) => ({
        kind: "Document",
        definitions: [],
        documentId: document.__meta__.hash,
      });
      await check(urql(replica, byId.record), only(me), only(bio));
      assert.deepEqual(byId.sent, ids);

      const byApollo = recorder();
      const generateHash = (document) => document.__meta__.hash;
      const link = ApolloLink.from([
        new PersistedQueryLink({ generateHash }),
        new HttpLink({
          uri: urlOf(replica),
          fetch: byApollo.record,
          headers: { Authorization },
        }),
      ]);
      const { data } = await new Promise((next, error) => {
        const client = new ApolloClient({ cache: new InMemoryCache(), link });
        ApolloLink.execute(link, { query: me }, { client }).subscribe({ next, error });
      });
      assert.equal(data.me.username, "alice");
      assert.deepEqual(byApollo.sent, ["POST id 200"]);
    });
  }

  test(`documents of Relay's compiler are executed, ${replica}`, async () => {
    const [id] = Object.keys(await manifest("relay.json"));
    const response = await fetch(urlOf(replica), {
      method: "POST",
      headers: { Authorization, "Content-Type": "application/json" },
      body: JSON.stringify({ documentId: id, variables: {} }),
    });
    assert.equal((await response.json()).data.me.username, "alice");
  });
}

test("other documents are refused, and not sent again", async () => {
  const of = { apollo: recorder(), urql: recorder() };
  const rejected = ask.apollo(apollo("trusted", of.apollo.record), draw());
  await assert.rejects(rejected, (error) => {
    assert.ok(CombinedGraphQLErrors.is(error));
    assert.equal(error.errors[0].extensions.code, "DOCUMENT_NOT_TRUSTED");
    return true;
  });
  const options = { preferGetForPersistedQueries: false };
  const { error } = await urql("trusted", of.urql.record, options).query(draw(), {}).toPromise();
  assert.equal(error.graphQLErrors[0].extensions.code, "DOCUMENT_NOT_TRUSTED");
  assert.deepEqual([of.apollo.sent, of.urql.sent], [["POST id 400"], ["POST id 400"]]);
});
