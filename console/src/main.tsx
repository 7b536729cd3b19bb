import { createRoot } from "react-dom/client";
import { App } from "./App";
import { readConfig } from "./config";
import { defineEditorThemes } from "./editorTheme";
import { installWorkers } from "./workers";
// Last, to override GraphiQL's variables.
import "./console.css";

installWorkers();
defineEditorThemes();

const container = document.getElementById("console");
if (!container) {
  throw new Error("The page has no #console.");
}
createRoot(container).render(<App config={readConfig()} />);
