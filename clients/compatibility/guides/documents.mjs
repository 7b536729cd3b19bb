import { parse } from "graphql";

export const RENAME = parse(`
  mutation Rename($name: String!) {
    updateProfile(input: { name: $name }) { user { id name } errors { code } }
  }
`);

export const DEVICES = parse(`
  query Devices {
    me { id sessions(first: 20) { edges { node { id isCurrent } } nodes { id } } }
  }
`);

export const REVOKE = parse(`
  mutation Revoke($id: ID!) {
    revokeSession(input: { sessionId: $id }) { deletedSessionId errors { code } }
  }
`);

export const USER = parse(`
  query User($id: ID!) { user(id: $id) { id name username } }
`);

export const EDGES = parse(`
  query Edges($first: Int, $after: String, $last: Int, $before: String, $direction: Direction!) {
    users(
      first: $first, after: $after, last: $last, before: $before
      orderBy: { field: USERNAME, direction: $direction }
    ) {
      edges { cursor node { id username } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`);
