/** `extensions.cost` of a response. */
export interface Cost {
  requested: number;
  /** Null if operations are not limited. */
  limit: number | null;
  remaining: number | null;
}

export interface Statement {
  reads: string | null;
  sql: string;
  rows: number | null;
  milliseconds: number;
}

/** `extensions.debug` of a response, which only a service in development sends. */
export interface Debug {
  executor: string | null;
  cache: { outcome: string | null; reason: string | null };
  refusal: string | null;
  plan: string[];
  statements: Statement[];
}

/** What the service reports about the execution of an operation. */
export interface Report {
  cost?: Cost | undefined;
  debug?: Debug | undefined;
}
