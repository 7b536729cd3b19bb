import { createHash } from "node:crypto";
import { access, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const client = path.join(root, "..", "clients", "typescript", "src");
const operations = path.join(root, "..", "docs", "operations");
const outdir = path.join(root, "dist", "console");

/**
 * Extracts GraphiQL's fonts from data: URLs in CSS to files, which load by
 * Unicode range and need no `font-src data:` in the content security policy.
 */
const fontFiles = {
  name: "font-files",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^data:font\// }, ({ path: url, importer }) => {
      const contents = Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
      const family = path.basename(importer, ".css");
      const digest = createHash("sha256").update(contents).digest("hex").slice(0, 8);
      const extension = /^data:font\/(\w+)/.exec(url)[1];
      return {
        path: `${family}-${digest}.${extension}`,
        namespace: "font",
        pluginData: contents,
      };
    });
    onLoad({ filter: /.*/, namespace: "font" }, ({ pluginData }) => ({
      contents: pluginData,
      loader: "file",
    }));
  },
};

/**
 * Bundles the TypeScript client without its code generator: the types that this generates do
 * not remain at run time, only the documents.
 */
const rosterClient = {
  name: "roster-client",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@roster\/client$/ }, () => ({ path: path.join(client, "index.ts") }));
    onResolve({ filter: /^\.\/generated\/graphql\.js$/ }, () => ({
      path: "documents",
      namespace: "documents",
    }));
    onLoad({ filter: /.*/, namespace: "documents" }, async () => {
      const files = (await readdir(operations, { recursive: true })).filter((file) =>
        file.endsWith(".graphql"),
      );
      const documents = files.map(async (file) => {
        const text = await readFile(path.join(operations, file), "utf8");
        return `export const ${path.basename(file, ".graphql")}Document = ${JSON.stringify(text)};`;
      });
      return { contents: (await Promise.all(documents)).join("\n") };
    });
  },
};

/** Replaces GraphiQL's tabs; see src/TabList.tsx. */
const accessibleTabs = {
  name: "accessible-tabs",
  setup({ onResolve }) {
    onResolve({ filter: /\/tabs\/index\.js$/ }, ({ importer }) =>
      importer.includes("@graphiql/react")
        ? { path: path.join(root, "src", "TabList.tsx") }
        : undefined,
    );
  },
};

/** Collects the licence notices of the bundled packages. */
async function licences({ inputs }) {
  const packages = new Set(
    Object.keys(inputs).flatMap(
      (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
    ),
  );
  const notices = [...packages].sort().map(async (directory) => {
    const folder = path.join(root, directory);
    const { name, version, license } = JSON.parse(
      await readFile(path.join(folder, "package.json"), "utf8"),
    );
    const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    const texts = await Promise.all(
      files.map((file) => readFile(path.join(folder, file), "utf8")),
    );
    return [`${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join("\n\n");
  });
  return `${(await Promise.all(notices)).join(`\n\n${"-".repeat(72)}\n\n`)}\n`;
}

await access(path.join(root, "node_modules")).catch(() => {
  throw new Error("Run `npm ci` first.");
});
await rm(outdir, { recursive: true, force: true });

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: {
    console: "src/main.tsx",
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  },
  outdir,
  bundle: true,
  format: "esm",
  target: ["chrome111", "firefox115", "safari16.4"],
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".ttf": "file" },
  assetNames: "[name]",
  plugins: [fontFiles, rosterClient, accessibleTabs],
  minify: true,
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
});

await writeFile(path.join(outdir, "LICENSES.txt"), await licences(metafile));
