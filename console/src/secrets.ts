import {
  type DocumentNode,
  Kind,
  parse,
  print,
  type ArgumentNode,
  type ObjectFieldNode,
  type ValueNode,
  visit,
} from "graphql";

/** Names of arguments, input fields and variables whose values are secrets. */
const SECRET = /(?:password|token|secret|totp|code|credential|passkey)$/i;

export interface Operation {
  query: string;
  variables: Record<string, unknown>;
  operationName?: string;
}

/**
 * Return an operation with placeholders such as `<password>` in place of secrets, and without
 * comments. Throws a `GraphQLError` if the document has a syntax error.
 */
export function withoutSecrets({ query, variables, ...others }: Operation): Operation {
  const document = parse(query, { noLocation: true });
  const secrets = secretVariables(document);
  const isSecret = (name: string) => SECRET.test(name) || secrets.has(name);
  const redacted = visit(document, {
    Argument: redactedField,
    ObjectField: redactedField,
    VariableDefinition({ defaultValue, ...definition }) {
      const isHidden = isSecret(definition.variable.name.value);
      return defaultValue && !isHidden ? undefined : definition;
    },
  });
  return {
    ...others,
    query: print(redacted),
    variables: Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, redact(name, value, isSecret)]),
    ),
  };
}

/** Return the names of variables that a document passes as secrets or within such. */
function secretVariables(document: DocumentNode): Set<string> {
  const names = new Set<string>();
  const collect = (field: ArgumentNode | ObjectFieldNode) => {
    if (SECRET.test(field.name.value)) {
      visit(field, { Variable: ({ name }) => void names.add(name.value) });
    }
  };
  visit(document, { Argument: collect, ObjectField: collect });
  return names;
}

function redactedField<Field extends ArgumentNode | ObjectFieldNode>(
  field: Field,
): Field | undefined {
  const { name, value } = field;
  if (!SECRET.test(name.value) || value.kind === Kind.VARIABLE || value.kind === Kind.NULL) {
    return undefined;
  }
  const placeholder: ValueNode = { kind: Kind.STRING, value: placeholderOf(name.value) };
  return { ...field, value: placeholder };
}

function redact(name: string, value: unknown, isSecret: (name: string) => boolean): unknown {
  if (value === null || value === "") {
    return value;
  }
  if (isSecret(name)) {
    return placeholderOf(name);
  }
  if (Array.isArray(value)) {
    return value.map((item) => redact(name, item, isSecret));
  }
  if (typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        redact(key, item, (each) => SECRET.test(each)),
      ]),
    );
  }
  return value;
}

function placeholderOf(name: string): string {
  return `<${name}>`;
}
