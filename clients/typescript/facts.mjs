import {
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
} from "graphql";

const PAGE = new Set(["first", "last", "after", "before"]);
const DELETED = /^(?:deleted|removed)(\w+)Id$/;

const TYPES = {
  connections: "Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>",
  deletedIds: "Readonly<Record<string, Readonly<Record<string, string>>>>",
  lookups: "Readonly<Record<string, string>>",
  embedded: "readonly string[]",
  mergeable: "readonly string[]",
};

/** Return a module with what normalised caches have to know about a schema. */
export function cacheModule(schema) {
  return Object.entries(cacheFacts(schema))
    .map(([name, fact]) => `export const ${name}: ${TYPES[name]} = ${JSON.stringify(fact)};\n`)
    .join("\n");
}

function cacheFacts(schema) {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => isObjectType(type) && !type.name.startsWith("__"),
  );
  const nodes = schema.getPossibleTypes(schema.getType("Node")).map((type) => type.name);
  const fieldsOf = (type) => Object.values(type.getFields());
  const collect = (valueOf) => {
    const found = types.map((type) => {
      const values = fieldsOf(type).map((field) => [field.name, valueOf(field)]);
      return [type.name, Object.fromEntries(values.filter(([, value]) => value !== undefined))];
    });
    return Object.fromEntries(found.filter(([, values]) => Object.keys(values).length));
  };

  /** Per connection, the arguments that choose its list. */
  const connections = collect((field) =>
    getNamedType(field.type).name.endsWith("Connection")
      ? field.args.map((argument) => argument.name).filter((name) => !PAGE.has(name))
      : undefined,
  );
  /** Per id of a deleted object in a payload, the type of the object. */
  const deletedIds = collect((field) => {
    const name = DELETED.exec(field.name)?.[1];
    return name && (nodes.includes(name) ? name : only(nodes.filter((node) => node.endsWith(name))));
  });
  /** Per root field that looks up an object by its id, the type of the object. */
  const lookups = Object.fromEntries(
    fieldsOf(schema.getQueryType())
      .filter((field) => field.args.map((argument) => argument.name).join() === "id")
      .filter((field) => !isInterfaceType(getNamedType(field.type)))
      .map((field) => [field.name, getNamedType(field.type).name]),
  );
  /** Types whose objects are part of the object that has them. */
  const embedded = types
    .filter((type) => !type.getFields().id)
    .map((type) => type.name)
    .filter((name) => !["Query", "Mutation"].includes(name));
  /** Those whose fields a cache may merge: values of a field, but no items, results and pages. */
  const items = new Set(
    types
      .flatMap((type) => fieldsOf(type))
      .filter((field) => isListType(getNullableType(field.type)) || field.name === "node")
      .map((field) => getNamedType(field.type).name),
  );
  const mergeable = embedded.filter(
    (name) => !items.has(name) && !/(Payload|Connection|PageInfo|Challenge)$/.test(name),
  );
  return { connections, deletedIds, lookups, embedded, mergeable };
}

function only(names) {
  if (names.length !== 1) {
    throw new Error(`Not one type: ${names.join(", ")}`);
  }
  return names[0];
}
