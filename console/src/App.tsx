import { DocExplorerStore, DOC_EXPLORER_PLUGIN } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN, HistoryStore } from "@graphiql/plugin-history";
import { GraphiQLProvider } from "@graphiql/react";
import { GraphiQL, GraphiQLInterface } from "graphiql";
import { useMemo, useState } from "react";
import { type Api, createApi } from "./api";
import { Bar } from "./Bar";
import type { Config } from "./config";
import { EDITOR_THEME } from "./editorTheme";
import { createFetcher } from "./fetcher";
import { useSession } from "./session";
import { isFirstVisit, storage } from "./storage";

const PLUGINS = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

export function App({ config }: { config: Config }) {
  const api: Api = useMemo(() => createApi(config.endpoint, config.documents), [config]);
  const session = useSession(api);
  const fetcher = useMemo(
    () => createFetcher(api, () => void session.refresh()),
    [api, session.refresh],
  );
  const [initial] = useState(() => {
    const first = config.operations[0];
    return first && isFirstVisit()
      ? { initialQuery: first.document, initialVariables: first.variables }
      : {};
  });

  return (
    <GraphiQLProvider
      fetcher={fetcher}
      storage={storage}
      plugins={PLUGINS}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      editorTheme={EDITOR_THEME}
      defaultQuery=""
      inputValueDeprecation
      schemaDescription
      {...initial}
    >
      <HistoryStore>
        <DocExplorerStore>
          <Bar config={config} session={session} />
          <GraphiQLInterface defaultEditorToolsVisibility showPersistHeadersSettings={false}>
            <GraphiQL.Logo> </GraphiQL.Logo>
          </GraphiQLInterface>
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}
