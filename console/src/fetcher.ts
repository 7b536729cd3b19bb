import type { Fetcher } from "@graphiql/toolkit";
import type { Client } from "@roster/client";
import type { ExecutionResult } from "graphql";
import type { Report } from "./report";

interface Observer {
  /** Called after each mutation, which may have changed the session. */
  onMutation(): void;
  /** Called before each operation; returns what receives its report. */
  onStart(): (report: Report) => void;
}

/** Return GraphiQL's fetcher, which takes the report of an operation out of its response. */
export function createFetcher(client: Client, { onMutation, onStart }: Observer): Fetcher {
  return async ({ query, operationName, variables }, options) => {
    const onReport = onStart();
    const definitions = options?.documentAST?.definitions;
    const response = await client.execute(query, variables as Record<string, unknown>, {
      ...(operationName && { operationName }),
      ...(options?.headers && { headers: options.headers as Record<string, string> }),
      // Without a syntax tree it is GraphiQL's own introspection.
      ...(definitions && { extensions: { cost: true, debug: true } }),
    });
    if (!definitions) {
      return response as ExecutionResult;
    }
    const isMutation = definitions.some(
      (definition) =>
        definition.kind === "OperationDefinition" && definition.operation === "mutation",
    );
    if (isMutation) {
      onMutation();
    }
    const { extensions, ...answer } = response;
    const { cost, debug, ...others } = (extensions ?? {}) as Report & Record<string, unknown>;
    onReport({ cost, debug });
    return (Object.keys(others).length ? { ...answer, extensions: others } : answer) as ExecutionResult;
  };
}
