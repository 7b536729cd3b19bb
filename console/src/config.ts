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
  topic: string;
  name: string;
  description: string;
  document: string;
  /** JSON with placeholders such as `<user id>`; empty if there are none. */
  variables: string;
}

/** Ids of the console's own documents (schema/console/documents.py) by name. */
export interface Documents extends Record<string, string> {
  Identity: string;
  Ids: string;
}

export interface Config {
  endpoint: string;
  /** Path of the admin. */
  admin: string;
  /** The service's name. */
  name: string;
  /** The URL of the service's own logo; empty for Roster's. */
  logo: string;
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
