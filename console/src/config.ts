export interface DemoAccount {
  login: string;
  role: string;
  description: string;
}

export interface Demo {
  accounts: DemoAccount[];
  password: string;
  inbox: string | null;
}

export interface ExampleOperation {
  name: string;
  description: string;
  document: string;
  variables: string;
}

/** The ids of the console's own documents, which schema/console/documents.py has. */
export type Documents = Record<
  "Identity" | "SignIn" | "SecondStep" | "AskPasskey" | "SignOut",
  string
>;

export interface Config {
  endpoint: string;
  version: string;
  documents: Documents;
  demo: Demo | null;
  operations: ExampleOperation[];
}

export function readConfig(): Config {
  const text = document.getElementById("console-config")?.textContent;
  if (!text) {
    throw new Error("The page has no #console-config.");
  }
  return JSON.parse(text) as Config;
}
