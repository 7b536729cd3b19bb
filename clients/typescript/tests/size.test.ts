import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const MAX_BYTES = 12_000;

/** Return the minified bundle of a module's code. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: process.cwd() },
    bundle: true,
    format: "esm",
    minify: true,
    write: false,
  });
  return outputFiles[0]!.text;
}

test("the client and the documents of its flows stay under the limit", async (context) => {
  const code = await bundle('export * from "@roster/client";');

  const size = gzipSync(code).length;
  context.diagnostic(`${size} bytes gzipped`);
  assert.ok(size < MAX_BYTES, `${size} bytes`);
});

test("documents that are not imported are not bundled", async () => {
  const code = await bundle(
    'export { createClient } from "@roster/client"; export { MeDocument } from "@roster/client/documents";',
  );

  assert.ok(code.includes("query Me "));
  assert.ok(code.includes("mutation LogIn("));
  assert.ok(!code.includes("mutation StartBulkAction"));
});
