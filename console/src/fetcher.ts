import type { Fetcher } from "@graphiql/toolkit";
import type { ExecutionResult } from "graphql";
import type { Api } from "./api";

/** Calls `onMutation` after each mutation, which may have changed the session. */
export function createFetcher(api: Api, onMutation: () => void): Fetcher {
  return async ({ query, operationName, variables }, options) => {
    const response = await api.send<ExecutionResult>(
      { query, operationName, variables },
      options?.headers as Record<string, string> | undefined,
    );
    const mutates = options?.documentAST?.definitions.some(
      (definition) =>
        definition.kind === "OperationDefinition" && definition.operation === "mutation",
    );
    if (mutates) {
      onMutation();
    }
    return response;
  };
}
