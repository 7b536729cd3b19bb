import { execFileSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(fileURLToPath(import.meta.url));
const run = (program, ...args) =>
  execFileSync(path.join(root, "node_modules", ".bin", program), args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });

const generated = path.join(root, "generated", "manifests");
await rm(generated, { recursive: true, force: true });
await mkdir(path.join(generated, "relay"), { recursive: true });
await writeFile(path.join(generated, "relay.json"), "{}");
run("graphql-codegen", "--config", "codegen.ts", "--silent");
run("relay-compiler", "relay.config.json");
run("generate-persisted-query-manifest");
