/** The cache configuration of Apollo Client. */
import { connections, deletedIds, lookups, mergeable } from "./generated/cache.js";
import { isObject } from "./transport.js";

interface Reference {
  readonly __ref: string;
}

interface Page {
  readonly edges?: readonly object[];
  readonly nodes?: readonly Reference[];
  readonly pageInfo?: Readonly<Record<string, unknown>>;
}

/** The part of Apollo's `FieldFunctionOptions` that is used here. */
interface FieldOptions {
  readonly args: Readonly<Record<string, unknown>> | null;
  canRead(value: Reference | undefined): boolean;
  readField(name: string, from: object): unknown;
  toReference(object: { __typename: string; id: string }): Reference | undefined;
}

/** The part of Apollo's `ApolloCache` that is used here. */
interface Cache {
  identify(object: { __typename: string; id: string }): string | undefined;
  evict(options: { id: string }): boolean;
  gc(): string[];
}

/**
 * Return the field policy of a connection: pages are joined, in `edges` and in `nodes`.
 *
 * Other than Apollo's `relayStylePagination`, it joins `nodes`, too. Deleted items are omitted.
 */
export function connectionPolicy(keyArgs: readonly string[]) {
  return {
    keyArgs: [...keyArgs],
    read(
      page: Page | null | undefined,
      { canRead, readField }: FieldOptions,
    ): Page | null | undefined {
      const nodeOf = (edge: object) => readField("node", edge) as Reference | undefined;
      return (
        page && {
          ...page,
          ...(page.edges && { edges: page.edges.filter((edge) => canRead(nodeOf(edge))) }),
          ...(page.nodes && { nodes: page.nodes.filter(canRead) }),
        }
      );
    },
    merge(
      existing: Page | null | undefined,
      incoming: Page | null,
      options: FieldOptions,
    ): Page | null {
      const { after, before } = options.args ?? {};
      // The list could not be read.
      if (!incoming) {
        return null;
      }
      if (!existing || (!after && !before)) {
        // What this query does not select may be shown by another.
        return { ...existing, ...incoming };
      }
      const idOfEdge = (edge: object) =>
        (options.readField("node", edge) as Reference | undefined)?.__ref;
      const side = after ? "after" : "before";
      const edges = join(existing.edges, incoming.edges, side, idOfEdge);
      const nodes = join(existing.nodes, incoming.nodes, side, ({ __ref }) => __ref);
      const [first, last] = after
        ? [existing.pageInfo, incoming.pageInfo]
        : [incoming.pageInfo, existing.pageInfo];
      return {
        ...existing,
        ...incoming,
        ...(edges && { edges }),
        ...(nodes && { nodes }),
        ...(first && last && { pageInfo: { ...last, ...startOf(first) } }),
      };
    },
  };
}

/** Join pages; items that a repeated page has, and what follows them, are replaced. */
function join<Item>(
  existing: readonly Item[] | undefined,
  incoming: readonly Item[] | undefined,
  side: "after" | "before",
  idOf: (item: Item) => string | undefined,
): readonly Item[] | undefined {
  if (!existing || !incoming) {
    return incoming;
  }
  const ids = new Set(incoming.map(idOf));
  const isRepeated = (item: Item) => idOf(item) !== undefined && ids.has(idOf(item));
  if (side === "after") {
    const end = existing.findIndex(isRepeated);
    return [...existing.slice(0, end < 0 ? undefined : end), ...incoming];
  }
  return [...incoming, ...existing.slice(existing.findLastIndex(isRepeated) + 1)];
}

function startOf(pageInfo: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const names = ["hasPreviousPage", "startCursor"];
  return Object.fromEntries(Object.entries(pageInfo).filter(([name]) => names.includes(name)));
}

/** Have a look-up by id find the object that another query has cached. */
function lookupPolicy(typename: string) {
  return {
    read: (existing: unknown, { args, toReference }: FieldOptions) =>
      existing === undefined ? toReference({ __typename: typename, id: String(args?.["id"]) }) : existing,
  };
}

function connectionPolicies(type: string): Record<string, object> {
  const lists = Object.entries(connections[type] ?? {});
  return Object.fromEntries(lists.map(([field, keyArgs]) => [field, connectionPolicy(keyArgs)]));
}

/** `typePolicies` of an `InMemoryCache`. */
export const typePolicies: Record<string, { fields?: Record<string, object>; merge?: true }> = {
  ...Object.fromEntries(mergeable.map((type) => [type, { merge: true as const }])),
  ...Object.fromEntries(
    Object.keys(connections).map((type) => [type, { fields: connectionPolicies(type) }]),
  ),
  Query: {
    fields: {
      ...connectionPolicies("Query"),
      ...Object.fromEntries(
        Object.entries(lookups).map(([field, typename]) => [field, lookupPolicy(typename)]),
      ),
    },
  },
};

/** `update` of a mutation: evict the objects whose ids the payload names as deleted. */
export function evictDeleted(cache: Cache, { data }: { data?: unknown }): void {
  for (const payload of Object.values(isObject(data) ? data : {})) {
    if (!isObject(payload)) {
      continue;
    }
    const names = deletedIds[String(payload["__typename"])] ?? {};
    for (const [field, typename] of Object.entries(names)) {
      const id = payload[field];
      const key = typeof id === "string" && cache.identify({ __typename: typename, id });
      if (key) {
        cache.evict({ id: key });
      }
    }
  }
  cache.gc();
}
