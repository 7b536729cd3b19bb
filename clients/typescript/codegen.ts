import type { CodegenConfig } from "@graphql-codegen/cli";

const types = {
  enumsAsTypes: true,
  strictScalars: true,
  useTypeImports: true,
  scalars: { Date: "string", DateTime: "string", JSON: "unknown", Upload: "Blob" },
};

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "../../docs/operations/**/*.graphql",
  emitLegacyCommonJSImports: false,
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: { ...types, documentMode: "string" },
    },
    "src/generated/enums.ts": {
      plugins: ["typescript"],
      config: { ...types, onlyEnums: true },
    },
  },
};

export default config;
