import { DocExplorerStore, DOC_EXPLORER_PLUGIN } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN, HistoryStore } from "@graphiql/plugin-history";
import { GraphiQLProvider } from "@graphiql/react";
import { GraphiQL, GraphiQLInterface } from "graphiql";
import { useMemo, useRef, useState } from "react";
import { type Api, createApi } from "./api";
import { Bar } from "./Bar";
import type { Config } from "./config";
import { EDITOR_THEME } from "./editorTheme";
import { Execution } from "./Execution";
import { createFetcher } from "./fetcher";
import type { Report } from "./report";
import { useSession } from "./session";
import { isFirstVisit, storage } from "./storage";

const MIN_WIDTH_FOR_DOCS = 1200;
const PLUGINS = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

export function App({ config }: { config: Config }) {
  const api: Api = useMemo(() => createApi(config), [config]);
  const session = useSession(api);
  const tab = useRef("");
  const [reports, setReports] = useState<ReadonlyMap<string, Report>>(new Map());
  const fetcher = useMemo(
    () =>
      createFetcher(api.client, {
        onMutation: () => void session.refresh(),
        onStart: () => {
          const executed = tab.current;
          return (report) => setReports((others) => new Map(others).set(executed, report));
        },
      }),
    [api, session.refresh],
  );
  const [initial] = useState(() => {
    const first = config.operations[0];
    return first && isFirstVisit()
      ? {
          initialQuery: first.document,
          initialVariables: first.variables,
          // Opens with the description of the schema.
          ...(innerWidth >= MIN_WIDTH_FOR_DOCS && { visiblePlugin: DOC_EXPLORER_PLUGIN }),
        }
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
          <Bar api={api} config={config} session={session} />
          <main className="console">
            <GraphiQLInterface defaultEditorToolsVisibility showPersistHeadersSettings={false}>
              <GraphiQL.Logo> </GraphiQL.Logo>
              <GraphiQL.Footer>
                <Execution tab={tab} reports={reports} />
              </GraphiQL.Footer>
            </GraphiQLInterface>
          </main>
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}
