// Mercurius on Roster's tables: JIT, SQL by hand, and a loader for the groups, by its documentation.
import { readFile } from "node:fs/promises";

import fastify from "fastify";
import mercurius from "mercurius";

import { hashPassword, sessionId } from "./credentials.mjs";
import { pattern, row, rows } from "./database.mjs";

// The rows of a page, read once and only if a field needs them.
function read(page) {
  page.rows ??= page.search ? found(page) : listed(page);
  return page.rows;
}

function found({ first, after, search }) {
  return after
    ? rows("foundAfter", pattern(search), after, first + 1)
    : rows("firstFound", pattern(search), first + 1);
}

function listed({ first, after }) {
  return after ? rows("usersAfter", after, first + 1) : rows("firstUsers", first + 1);
}

const resolvers = {
  Query: {
    me: (_root, _args, { authorization }) => row("session", sessionId(authorization)),
    users: (_root, args) => ({ ...args }),
    user: (_root, { id }) => row("user", id),
    organization: (_root, { id }) => row("organization", id),
  },
  Mutation: {
    createUser: async (_root, { input: { username, email, name, password } }) =>
      row("createUser", username, email, name, await hashPassword(password)),
    updateProfile: (_root, { userId, bio }) => row("changeBio", userId, bio),
  },
  Users: {
    nodes: async (page) => (await read(page)).slice(0, page.first),
    pageInfo: async (page) => {
      const all = await read(page);
      return { hasNextPage: all.length > page.first, endCursor: all.slice(0, page.first).at(-1)?.id };
    },
    totalCount: async ({ search }) =>
      (await (search ? row("countFound", pattern(search)) : row("count"))).number,
  },
  User: { profile: (user) => user },
  Organization: { members: ({ id }, { first }) => rows("members", id, first) },
  Membership: { createdAt: (membership) => membership.created_at, user: (membership) => membership },
};

const loaders = {
  User: {
    groups: {
      async loader(queries) {
        const byUser = new Map(queries.map(({ obj }) => [obj.id, []]));
        for (const group of await rows("groups", [...byUser.keys()])) {
          byUser.get(group.user_id).push(group);
        }
        return queries.map(({ obj }) => byUser.get(obj.id));
      },
      // A request asks for a user's groups once; the cache would serialise each user.
      opts: { cache: false },
    },
  },
};

const app = fastify({ keepAliveTimeout: 75_000 });
app.register(mercurius, {
  schema: await readFile(new URL("schema.graphql", import.meta.url), "utf8"),
  resolvers,
  loaders,
  context: ({ headers }) => ({ authorization: headers.authorization }),
  jit: 1,
});
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
