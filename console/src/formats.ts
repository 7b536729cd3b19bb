import type { Operation } from "./secrets";

/** Return a link that opens an operation; its fragment is not sent to servers. */
export function linkTo(page: string, { query, variables }: Operation): string {
  const parts = new URLSearchParams({ query });
  if (Object.keys(variables).length) {
    parts.set("variables", JSON.stringify(variables, null, 2));
  }
  return `${page}#${parts}`;
}

/** Return the document and the variables of a link's fragment; null if it has none. */
export function readLink(fragment: string): { query: string; variables: string } | null {
  const parts = new URLSearchParams(fragment.slice(1));
  const query = parts.get("query");
  return query === null ? null : { query, variables: parts.get("variables") ?? "" };
}

/** Return a command that reads the token from the environment. */
export function curlOf(url: string, operation: Operation): string {
  return [
    `curl ${inShell(url)}`,
    `-H "Authorization: Bearer $ROSTER_TOKEN"`,
    `-H 'Content-Type: application/json'`,
    `--data-binary ${inShell(JSON.stringify(operation))}`,
  ].join(" \\\n  ");
}

/** Return JavaScript with a placeholder for the token. */
export function fetchOf(url: string, { query, ...others }: Operation): string {
  const entries = Object.entries(others).map(
    ([name, value]) => `    ${name}: ${indented(JSON.stringify(value, null, 2))},\n`,
  );
  return `const response = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: {
    Authorization: "Bearer <token>",
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    query: \`${query.replace(/[\\`]|\$(?=\{)/g, "\\$&")}\`,
${entries.join("")}  }),
});
const { data, errors } = await response.json();
`;
}

function indented(json: string): string {
  return json.replaceAll("\n", "\n    ");
}

function inShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
