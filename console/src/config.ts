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

export interface Config {
  endpoint: string;
  version: string;
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
