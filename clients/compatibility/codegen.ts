import type { CodegenConfig } from "@graphql-codegen/cli";

const client = (hashAlgorithm: "sha1" | "sha256") => ({
  preset: "client",
  presetConfig: { persistedDocuments: { hashAlgorithm } },
});

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "src/*.graphql",
  emitLegacyCommonJSImports: false,
  generates: {
    "generated/manifests/sha1/": client("sha1"),
    "generated/manifests/sha256/": client("sha256"),
  },
};

export default config;
