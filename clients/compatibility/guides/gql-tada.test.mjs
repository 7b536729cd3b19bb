import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { find } from "../generated/guides/gql-tada/dist/find.js";
import { service, signedIn } from "./service.mjs";

const folder = "generated/guides/gql-tada";

test("a typed operation is executed", async () => {
  const { roster } = await signedIn();

  assert.deepEqual(await find(roster, service.usernames[7]), [service.usernames[7]]);
});

test("TypeScript rejects fields and variables that the schema does not have", async () => {
  const code = await readFile(`${folder}/src/find.ts`, "utf8");
  const wrong = [
    ["user.username", "user.shoeSize", "Property 'shoeSize' does not exist"],
    ["{ search }", "{ search: 7 }", "Type 'number' is not assignable to type 'string'"],
  ];
  const files = wrong.map((_, index) => `${folder}/src/wrong${index}.ts`);
  try {
    for (const [index, [from, to]] of wrong.entries()) {
      assert.ok(code.includes(from));
      await writeFile(files[index], code.replace(from, to));
    }
    const tsc = spawnSync("node_modules/.bin/tsc", ["--noEmit", "--project", folder]);
    const errors = tsc.stdout.toString().split("\n").filter((line) => line.includes("error TS"));
    assert.equal(errors.length, wrong.length, errors.join("\n"));
    for (const [index, [, , message]] of wrong.entries()) {
      assert.ok(errors[index].includes(`wrong${index}.ts`) && errors[index].includes(message));
    }
  } finally {
    await Promise.all(files.map((file) => rm(file, { force: true })));
  }
});
