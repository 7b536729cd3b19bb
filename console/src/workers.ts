const FILES: Record<string, string> = {
  graphql: "./graphql.worker.js",
  json: "./json.worker.js",
};

/** Must run before the first editor is created. */
export function installWorkers(): void {
  window.MonacoEnvironment = {
    getWorker: (_id, label) =>
      new Worker(new URL(FILES[label] ?? "./editor.worker.js", import.meta.url), {
        type: "module",
        name: label,
      }),
  };
}
