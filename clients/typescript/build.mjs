import { execFileSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildSchema } from "graphql";
import { cacheModule } from "./facts.mjs";

const root = path.dirname(fileURLToPath(import.meta.url));
const run = (program, ...args) =>
  execFileSync(path.join(root, "node_modules", ".bin", program), args, {
    cwd: root,
    stdio: "inherit",
  });

await Promise.all(
  ["dist", "src/generated"].map((folder) =>
    rm(path.join(root, folder), { recursive: true, force: true }),
  ),
);
run("graphql-codegen", "--config", "codegen.ts", "--silent");

// Bundlers drop an unused document only if its constructor is marked as free of side effects.
const documents = path.join(root, "src", "generated", "graphql.ts");
const generated = await readFile(documents, "utf8");
await writeFile(
  documents,
  generated.replaceAll("= new TypedDocumentString(", "= /* @__PURE__ */ new TypedDocumentString("),
);

const sdl = await readFile(path.join(root, "..", "..", "schema.graphql"), "utf8");
await writeFile(
  path.join(root, "src", "generated", "cache.ts"),
  cacheModule(buildSchema(sdl)),
);

run("tsc");
run("tsc", "--project", "tsconfig.tests.json");
