/** The cache configuration of Relay. */
import { lookups } from "./generated/cache.js";

/** The parts of Relay's types that are used here. */
interface Field {
  readonly name: string;
}
interface RecordProxy {
  getType(): string;
}

/** `missingFieldHandlers` of an `Environment`: look-ups by id find what other queries have cached. */
export const missingFieldHandlers = [
  {
    kind: "linked" as const,
    handle(
      field: Field,
      parent: RecordProxy | null | undefined,
      args: Readonly<Record<string, unknown>>,
    ): string | undefined {
      const isLookup = field.name === "node" || Object.hasOwn(lookups, field.name);
      return parent?.getType() === "__Root" && isLookup ? String(args["id"]) : undefined;
    },
  },
];
