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

for (const [what, from, to, error] of [
  ["a field", "user.username", "user.shoeSize", "Property 'shoeSize' does not exist"],
  ["a variable", "{ search }", "{ search: 7 }", "Type 'number' is not assignable to type 'string'"],
]) {
  test(`TypeScript rejects ${what} that the schema does not have`, async () => {
    const code = await readFile(`${folder}/src/find.ts`, "utf8");
    assert.ok(code.includes(from));
    const wrong = `${folder}/src/wrong.ts`;
    await writeFile(wrong, code.replace(from, to));
    try {
      const tsc = spawnSync("node_modules/.bin/tsc", ["--noEmit", "--project", folder]);
      const output = tsc.stdout.toString();
      assert.notEqual(tsc.status, 0);
      assert.match(output, /wrong\.ts/);
      assert.ok(output.includes(error), output);
      assert.doesNotMatch(output, /find\.ts/);
    } finally {
      await rm(wrong);
    }
  });
}
