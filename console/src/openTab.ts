import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";

/** Return a function that opens a document in a new tab; undefined while the editors load. */
export function useOpenTab(): ((document: string, variables: string) => void) | undefined {
  const { addTab } = useGraphiQLActions();
  const { queryEditor, variableEditor } = useGraphiQL(pick("queryEditor", "variableEditor"));
  if (!queryEditor || !variableEditor) {
    return undefined;
  }
  return (document, variables) => {
    addTab();
    queryEditor.setValue(document);
    variableEditor.setValue(variables);
    queryEditor.focus();
  };
}
