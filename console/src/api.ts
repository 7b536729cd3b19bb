import { createClient, type Client } from "@roster/client";
import type { Config } from "./config";

export interface Identity {
  username: string;
  name: string;
  isStaff: boolean | null;
  isSuperuser: boolean | null;
}

interface Nodes<Node> {
  nodes: Node[];
}

interface Item {
  id: string;
}

interface Owned extends Item {
  groups: Item[] | null;
  memberships: Nodes<{ organization: Item }>;
  sessions: Nodes<Item>;
  passkeys: Nodes<Item>;
  apiTokens: Nodes<Item>;
}

/** Ids by the placeholders of examples, such as `user id`. */
export type Ids = Readonly<Record<string, string | undefined>>;

export interface Api {
  client: Client;
  identity(): Promise<Identity | null>;
  /** Ids of the signed-in user and of what is the user's; empty if anonymous. */
  ids(): Promise<Ids>;
}

/** Return the API with the session of the cookie, which the admin shares. */
export function createApi({ endpoint, documents }: Config): Api {
  const client = createClient({
    url: endpoint,
    transport: "COOKIE",
    documentIds: documents,
  });
  return {
    client,
    identity: () => readMe<Identity>(client, { documentId: documents.Identity }),
    ids: async () => {
      const me = await readMe<Owned>(client, { documentId: documents.Ids });
      return me ? idsOf(me) : {};
    },
  };
}

async function readMe<Me>(
  client: Client,
  document: { documentId: string },
): Promise<Me | null> {
  const { me } = await client.request<{ me: Me | null }, Record<string, never>>(document);
  return me;
}

function idsOf({ id, groups, memberships, sessions, passkeys, apiTokens }: Owned): Ids {
  return {
    "user id": id,
    "group id": groups?.[0]?.id,
    "organization id": memberships.nodes[0]?.organization.id,
    "session id": sessions.nodes[0]?.id,
    "passkey id": passkeys.nodes[0]?.id,
    "API token id": apiTokens.nodes[0]?.id,
  };
}
