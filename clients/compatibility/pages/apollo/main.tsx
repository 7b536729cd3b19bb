/** Shows the guide's list to the user that the fragment of the URL names. */
import { ApolloProvider } from "@apollo/client/react";
import { createClient } from "@roster/client";
import { createRoot } from "react-dom/client";
import { createApollo } from "../../generated/guides/apollo/src/apollo";
import { Directory } from "../../generated/guides/apollo/src/Directory";

const url: string = import.meta.env.VITE_ROSTER_URL;
const [login = "", password = ""] = decodeURIComponent(location.hash.slice(1)).split(":");
const roster = createClient({ url });
await roster.logIn(login, password);
createRoot(document.getElementById("root")!).render(
  <ApolloProvider client={createApollo(roster, url)}>
    <Directory />
  </ApolloProvider>,
);
