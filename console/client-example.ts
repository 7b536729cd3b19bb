import { graphql } from "./generated/index.js";
import type { TypedDocumentString } from "./generated/graphql.js";

const SignIn = graphql(`
  mutation ClientSignIn($input: LogInInput!) {
    logIn(input: $input) {
      user {
        id
        username
      }
      accessToken
      errors {
        code
        message
      }
    }
  }
`);

const Directory = graphql(`
  query ClientDirectory($after: String) {
    users(first: 50, after: $after) {
      edges {
        node {
          id
          username
          name
          email
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

async function request<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  accessToken?: string | null,
): Promise<Result> {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json",
      ...(accessToken && { Authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await response.json()) as {
    data?: Result;
    errors?: { message: string }[];
  };
  if (!data || errors?.length) {
    throw new Error(errors?.[0]?.message ?? "The response has no data.");
  }
  return data;
}

export async function signIn(login: string, password: string): Promise<string> {
  const { logIn } = await request(SignIn, {
    input: { login, password, transport: "TOKEN" },
  });
  if (!logIn.accessToken) {
    throw new Error(logIn.errors[0]?.message ?? "The sign-in failed.");
  }
  return logIn.accessToken;
}

/** Yields all users that the token can read, page by page, typed by the schema. */
export async function* directory(accessToken: string) {
  let after: string | null | undefined;
  do {
    const { users } = await request(Directory, { after }, accessToken);
    for (const { node } of users.edges) {
      yield node;
    }
    after = users.pageInfo.hasNextPage ? users.pageInfo.endCursor : null;
  } while (after);
}
