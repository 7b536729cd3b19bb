/** The typed documents of Roster's documented operations. */
export * from "./generated/graphql.js";
