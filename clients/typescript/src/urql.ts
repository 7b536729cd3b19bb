/** The cache configuration of urql's Graphcache. */
import { connections, deletedIds, embedded, lookups } from "./generated/cache.js";

/** The part of Graphcache's `Cache` that is used here. */
interface Cache {
  invalidate(entity: { __typename: string; id: string }): void;
}

type Values = Record<string, unknown>;

/**
 * Return the options `keys`, `resolvers` and `updates` of `cacheExchange`.
 *
 * @param relayPagination that of `@urql/exchange-graphcache/extras`.
 */
export function cacheOptions<Resolver>(relayPagination: () => Resolver) {
  const keys = Object.fromEntries(embedded.map((type) => [type, () => null]));
  const lists = mapFields(connections, () => relayPagination());
  const found = Object.entries(lookups).map(([field, typename]) => [
    field,
    (_parent: Values, { id }: Values) => ({ __typename: typename, id: String(id) }),
  ]);
  const updates = mapFields(deletedIds, (typename, field) => (parent: Values, _: Values, cache: Cache) => {
    const id = parent[field];
    if (typeof id === "string") {
      cache.invalidate({ __typename: typename, id });
    }
  });
  const Query = { ...lists["Query"], ...Object.fromEntries(found) } as Record<string, Resolver>;
  return { keys, resolvers: { ...lists, Query }, updates };
}

/** Return a copy of values by type and field. */
function mapFields<Value, Result>(
  values: Readonly<Record<string, Readonly<Record<string, Value>>>>,
  convert: (value: Value, field: string) => Result,
): Record<string, Record<string, Result>> {
  const convertAll = (fields: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, convert(value, field)]));
  return Object.fromEntries(Object.entries(values).map(([type, fields]) => [type, convertAll(fields)]));
}
