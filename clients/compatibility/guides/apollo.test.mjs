import assert from "node:assert/strict";
import { test } from "node:test";
import { gql } from "@apollo/client";
import { createApollo } from "../generated/compiled/apollo/src/apollo.js";
import { DIRECTORY } from "../generated/compiled/apollo/src/Directory.js";
import { DEVICES, EDGES, RENAME, REVOKE, USER } from "./documents.mjs";
import { service, signedIn } from "./service.mjs";

async function connected() {
  const { roster, sent } = await signedIn();
  return { apollo: createApollo(roster, service.url), sent };
}

/** Return a query that has its first page, with what the cache has for it. */
async function watch(apollo, query, variables) {
  await apollo.query({ query, variables });
  const watched = apollo.watchQuery({ query, variables });
  return { watched, users: () => apollo.readQuery({ query, variables }).users };
}

/** Load pages until the last, and return what the first query then has. */
async function everyPage(apollo, query, variables, next) {
  const { watched, users } = await watch(apollo, query, variables);
  for (let more; (more = next(users().pageInfo)); ) {
    await watched.fetchMore({ variables: more });
  }
  return users();
}

const forwards = (page) => page.hasNextPage && { after: page.endCursor };

test("pages of nodes are joined", async () => {
  const { apollo, sent } = await connected();

  const { nodes } = await everyPage(apollo, DIRECTORY, { first: 10 }, forwards);

  assert.deepEqual(nodes.map((user) => user.username), service.usernames);
  assert.deepEqual(sent, ["Directory", "Directory", "Directory"]);
});

test("pages of edges are joined, in both directions and for each order", async () => {
  const { apollo } = await connected();
  const usernames = ({ edges }) => edges.map(({ node }) => node.username);

  const ascending = { first: 10, direction: "ASC" };
  const forth = await everyPage(apollo, EDGES, ascending, forwards);
  const { pageInfo } = forth;
  assert.deepEqual(usernames(forth), service.usernames);
  assert.deepEqual([pageInfo.hasPreviousPage, pageInfo.hasNextPage], [false, false]);

  const descending = { last: 10, direction: "DESC" };
  const back = await everyPage(
    apollo,
    EDGES,
    descending,
    (page) => page.hasPreviousPage && { first: null, last: 10, before: page.startCursor },
  );
  assert.deepEqual(usernames(back), service.usernames.toReversed());
});

test("a page that is loaded again replaces itself and what follows", async () => {
  const { apollo } = await connected();
  const { watched, users } = await watch(apollo, DIRECTORY, { first: 10 });
  const after = users().pageInfo.endCursor;

  await watched.fetchMore({ variables: { after } });
  await watched.fetchMore({ variables: { after } });

  const { nodes } = users();
  assert.deepEqual(nodes.map((user) => user.username), service.usernames.slice(0, 20));
});

for (const [what, first, second] of [
  ["list", "users(first: 10) { nodes { id } }", "users(first: 20) { totalCount { value } }"],
  ["object without an id", "settings { password { minLength } }", "settings { password { maxLength } }"],
]) {
  test(`queries of different fields of one ${what} keep those of the other`, async () => {
    const { apollo, sent } = await connected();
    const [one, two] = [first, second].map((fields, index) => gql(`query Part${index} { ${fields} }`));
    const before = await apollo.query({ query: one });
    await apollo.query({ query: two });

    const after = await apollo.query({ query: one });

    assert.deepEqual(after.data, before.data);
    assert.deepEqual(sent, ["Part0", "Part1"]);
  });
}

test("a list that could not be read is null", async () => {
  const { apollo } = await connected();
  const { data } = await apollo.query({ query: DEVICES });
  const unread = { me: { ...data.me, sessions: null } };

  apollo.writeQuery({ query: DEVICES, data: unread });

  assert.deepEqual(apollo.readQuery({ query: DEVICES }), unread);
});

test("a mutation updates the user wherever it is shown", async () => {
  const { apollo, sent } = await connected();
  await apollo.query({ query: DIRECTORY, variables: { first: 10 } });
  await apollo.mutate({ mutation: RENAME, variables: { name: "Alice of Apollo" } });

  const { data } = await apollo.query({ query: DIRECTORY, variables: { first: 10 } });

  assert.equal(data.users.nodes[0].name, "Alice of Apollo");
  assert.deepEqual(sent, ["Directory", "Rename"]);
});

test("a deleted object is evicted, and omitted from lists", async () => {
  const { apollo, sent } = await connected();
  await signedIn();
  const before = (await apollo.query({ query: DEVICES })).data.me.sessions;
  const { id } = before.edges.map(({ node }) => node).find((session) => !session.isCurrent);

  await apollo.mutate({ mutation: REVOKE, variables: { id } });

  const after = (await apollo.query({ query: DEVICES })).data.me.sessions;
  const remaining = before.nodes.map((session) => session.id).filter((each) => each !== id);
  assert.deepEqual(after.edges.map(({ node }) => node.id), remaining);
  assert.deepEqual(after.nodes.map((session) => session.id), remaining);
  assert.equal(apollo.cache.extract()[`Session:${id}`], undefined);
  assert.deepEqual(sent, ["Devices", "Revoke"]);
});

test("a look-up finds what a list has cached", async () => {
  const { apollo, sent } = await connected();
  const { data } = await apollo.query({ query: DIRECTORY, variables: { first: 10 } });
  const { id, username } = data.users.nodes[3];

  const found = await apollo.query({ query: USER, variables: { id } });

  assert.equal(found.data.user.username, username);
  assert.deepEqual(sent, ["Directory"]);
});
