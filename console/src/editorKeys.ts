import { pick, useGraphiQL } from "@graphiql/react";
import { KeyCode } from "monaco-graphql/esm/monaco-editor.js";
import { useEffect } from "react";

/** What Escape closes before it leaves the editor. */
const WIDGETS = ["suggestWidgetVisible", "findWidgetVisible", "parameterHintsVisible"];

const HINT = "Press Enter to edit, Escape to leave";

/** Makes Escape leave an editor for its frame, as Tab indents within; Enter returns. */
export function useEditorKeys(): void {
  const editors = useGraphiQL(
    pick("queryEditor", "variableEditor", "headerEditor", "responseEditor"),
  );
  useEffect(() => {
    const actions = Object.values(editors).map((editor) => {
      const frame = editor?.getContainerDomNode();
      frame?.setAttribute("aria-description", HINT);
      return editor?.addAction({
        id: "roster.leave",
        label: "Leave the Editor",
        keybindings: [KeyCode.Escape],
        precondition: ["editorTextFocus", ...WIDGETS.map((name) => `!${name}`)].join(" && "),
        run: () => frame?.focus(),
      });
    });
    return () => actions.forEach((action) => action?.dispose());
  }, [editors]);
}
