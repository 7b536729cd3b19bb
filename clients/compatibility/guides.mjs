/** Builds the code of the guides, as the guides say, against the service at `ROSTER_URL`. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(fileURLToPath(import.meta.url));
const guides = path.join(root, "generated", "guides");
const bin = (program) => path.join(root, "node_modules", ".bin", program);
const run = (guide, program, ...args) =>
  execFileSync(program, args, { cwd: path.join(guides, guide), stdio: "inherit" });

const response = await fetch(new URL("/schema.graphql", process.env.ROSTER_URL));
const sdl = await response.text();
for (const guide of ["relay", "gql-tada"]) {
  await writeFile(path.join(guides, guide, "schema.graphql"), sdl);
}
run("relay", bin("relay-compiler"));
run("gql-tada", bin("gql.tada"), "generate-output");
run("gql-tada", bin("tsc"));
run("urql", process.execPath, "schema.mjs");
run(".", bin("tsc"), "--project", path.join(root, "tsconfig.guides.json"));
