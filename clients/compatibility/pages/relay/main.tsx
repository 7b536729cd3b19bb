/** Shows the guide's application to the user that the fragment of the URL names. */
import { createClient } from "@roster/client";
import { createRoot } from "react-dom/client";
import { App } from "../../generated/guides/relay/src/App";
import { createEnvironment } from "../../generated/guides/relay/src/environment";

const url: string = import.meta.env.VITE_ROSTER_URL;
const [login = "", password = ""] = decodeURIComponent(location.hash.slice(1)).split(":");
const roster = createClient({ url });
await roster.logIn(login, password);
createRoot(document.getElementById("root")!).render(
  <App environment={createEnvironment(roster, url)} />,
);
