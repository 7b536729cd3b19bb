import type { Documents } from "./config";

interface Parameters {
  operationName?: string | null | undefined;
  variables?: unknown;
}

export type GraphQLRequest = Parameters & ({ query: string } | { documentId: string });

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
  signIn(login: string, password: string, code: string): Promise<void>;
  signOut(): Promise<void>;
}

interface PayloadError {
  code: string;
  message?: string;
}

interface SecondFactor {
  mfaToken: string;
  methods: string[];
}

interface LogIn {
  secondFactor?: SecondFactor | null;
  errors: PayloadError[];
}

export function createApi(endpoint: string, documents: Documents): Api {
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
      throw new Error("Cannot reach the server. Check your connection, then try again.");
    });
    if (!response.headers.get("Content-Type")?.includes("json")) {
      throw new Error(`The server responded with status ${response.status} and without JSON.`);
    }
    return (await response.json()) as Result;
  }

  async function expectData<Data>(request: GraphQLRequest): Promise<Data> {
    const { data, errors } = await send<GraphQLResponse<Data>>(request);
    if (errors?.[0] || !data) {
      throw new Error(errors?.[0]?.message ?? "The server returned no data.");
    }
    return data;
  }

  function throwFirst([error]: PayloadError[]): void {
    if (error) {
      throw new Error(error.message ?? error.code);
    }
  }

  async function secondStep({ mfaToken, methods }: SecondFactor, code: string): Promise<void> {
    let factor: object;
    if (code) {
      // Recovery codes are longer than TOTP codes.
      factor = code.trim().length > 12 ? { recoveryCode: code } : { totp: code };
    } else if (methods.includes("PASSKEY")) {
      factor = { passkey: await askPasskey(mfaToken) };
    } else {
      throw new Error("Enter a code from your authenticator app, or a recovery code.");
    }
    const { verifySecondFactor } = await expectData<{ verifySecondFactor: LogIn }>({
      documentId: documents.SecondStep,
      variables: { input: { mfaToken, factor } },
    });
    throwFirst(verifySecondFactor.errors);
  }

  async function askPasskey(mfaToken: string): Promise<unknown> {
    const { beginPasskeyAuthentication: asked } = await expectData<{
      beginPasskeyAuthentication: {
        options: PublicKeyCredentialRequestOptionsJSON;
        errors: PayloadError[];
      };
    }>({
      documentId: documents.AskPasskey,
      variables: { input: { use: "SECOND_FACTOR", mfaToken } },
    });
    throwFirst(asked.errors);
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options);
    const credential = await navigator.credentials.get({ publicKey });
    return (credential as PublicKeyCredential).toJSON();
  }

  return {
    send,

    async me() {
      const { me } = await expectData<{ me: Identity | null }>({
        documentId: documents.Identity,
      });
      return me;
    },

    async signIn(login, password, code) {
      const { logIn } = await expectData<{ logIn: LogIn }>({
        documentId: documents.SignIn,
        variables: { input: { login, password, transport: "COOKIE" } },
      });
      throwFirst(logIn.errors);
      if (logIn.secondFactor) {
        await secondStep(logIn.secondFactor, code);
      }
    },

    async signOut() {
      const { logOut } = await expectData<{ logOut: { errors: PayloadError[] } }>({
        documentId: documents.SignOut,
      });
      throwFirst(logOut.errors);
    },
  };
}
