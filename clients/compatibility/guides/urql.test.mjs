import assert from "node:assert/strict";
import { test } from "node:test";
import { DIRECTORY } from "../generated/compiled/urql/src/directory.js";
import { createUrql } from "../generated/compiled/urql/src/urql.js";
import { DEVICES, EDGES, RENAME, REVOKE, USER } from "./documents.mjs";
import { service, signedIn } from "./service.mjs";

async function connected() {
  const { roster, sent } = await signedIn();
  return { urql: createUrql(roster, service.url), sent };
}

/** Return an operation's data. */
async function settled(source) {
  const { data, error } = await source.toPromise();
  assert.equal(error, undefined);
  return data;
}

/** Load pages until the last, which has all of them. */
async function everyPage(urql, query, variables) {
  let { users } = await settled(urql.query(query, variables));
  while (users.pageInfo.hasNextPage) {
    const after = users.pageInfo.endCursor;
    ({ users } = await settled(urql.query(query, { ...variables, after })));
  }
  return users;
}

test("pages of nodes are joined", async () => {
  const { urql, sent } = await connected();

  const { nodes } = await everyPage(urql, DIRECTORY, { first: 10 });

  assert.deepEqual(nodes.map((user) => user.username), service.usernames);
  assert.deepEqual(sent, ["Directory", "Directory", "Directory"]);
});

test("pages of edges are joined, for each order", async () => {
  const { urql } = await connected();

  for (const direction of ["ASC", "DESC"]) {
    const { edges } = await everyPage(urql, EDGES, { first: 10, direction });
    const expected = direction === "ASC" ? service.usernames : service.usernames.toReversed();
    assert.deepEqual(edges.map(({ node }) => node.username), expected);
  }
});

test("a mutation updates the user wherever it is shown", async () => {
  const { urql, sent } = await connected();
  await settled(urql.query(DIRECTORY, { first: 10 }));
  await settled(urql.mutation(RENAME, { name: "Alice of urql" }));

  const { users } = await settled(urql.query(DIRECTORY, { first: 10 }));

  assert.equal(users.nodes[0].name, "Alice of urql");
  assert.deepEqual(sent, ["Directory", "Rename"]);
});

test("a deleted object is invalidated, and its lists are fetched again", async () => {
  const { urql, sent } = await connected();
  await signedIn();
  const before = (await settled(urql.query(DEVICES, {}))).me.sessions;
  const { id } = before.edges.map(({ node }) => node).find((session) => !session.isCurrent);

  await settled(urql.mutation(REVOKE, { id }));

  const after = (await settled(urql.query(DEVICES, {}))).me.sessions;
  const remaining = before.nodes.map((session) => session.id).filter((each) => each !== id);
  assert.deepEqual(after.nodes.map((session) => session.id), remaining);
  assert.deepEqual(sent, ["Devices", "Revoke", "Devices"]);
});

test("a look-up finds what a list has cached", async () => {
  const { urql, sent } = await connected();
  const { users } = await settled(urql.query(DIRECTORY, { first: 10 }));
  const { id, username } = users.nodes[3];

  const { user } = await settled(urql.query(USER, { id }));

  assert.equal(user.username, username);
  assert.deepEqual(sent, ["Directory"]);
});
