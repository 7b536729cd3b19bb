export interface GraphQLRequest {
  query: string;
  operationName?: string | null | undefined;
  variables?: unknown;
}

interface GraphQLResponse<Data> {
  data?: Data | null;
  errors?: { message: string }[];
}

export interface Identity {
  username: string;
  name: string;
  isStaff: boolean | null;
  isSuperuser: boolean | null;
}

export interface Api {
  send<Result>(request: GraphQLRequest, headers?: Record<string, string>): Promise<Result>;
  me(): Promise<Identity | null>;
  signIn(login: string, password: string): Promise<void>;
  signOut(): Promise<void>;
}

interface PayloadError {
  code: string;
  message?: string;
}

export function createApi(endpoint: string): Api {
  async function send<Result>(
    request: GraphQLRequest,
    headers: Record<string, string> = {},
  ): Promise<Result> {
    const response = await fetch(endpoint, {
      method: "POST",
      credentials: "same-origin",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json, application/json",
        ...headers,
      },
      body: JSON.stringify(request),
    }).catch(() => {
      throw new Error("The server cannot be reached.");
    });
    if (!response.headers.get("Content-Type")?.includes("json")) {
      throw new Error(`The server answered with status ${response.status} and no JSON.`);
    }
    return (await response.json()) as Result;
  }

  async function expectData<Data>(request: GraphQLRequest): Promise<Data> {
    const { data, errors } = await send<GraphQLResponse<Data>>(request);
    if (errors?.[0] || !data) {
      throw new Error(errors?.[0]?.message ?? "The server sent no data.");
    }
    return data;
  }

  function refuse([error]: PayloadError[]): void {
    if (error) {
      throw new Error(error.message ?? error.code);
    }
  }

  return {
    send,

    async me() {
      const { me } = await expectData<{ me: Identity | null }>({
        query: "query Identity { me { username name isStaff isSuperuser } }",
      });
      return me;
    },

    async signIn(login, password) {
      const { logIn } = await expectData<{ logIn: { errors: PayloadError[] } }>({
        query: `mutation SignIn($input: LogInInput!) {
          logIn(input: $input) { user { id } errors { code message } }
        }`,
        variables: { input: { login, password, transport: "COOKIE" } },
      });
      refuse(logIn.errors);
    },

    async signOut() {
      const { logOut } = await expectData<{ logOut: { errors: PayloadError[] } }>({
        query: "mutation SignOut { logOut { errors { code } } }",
      });
      refuse(logOut.errors);
    },
  };
}
