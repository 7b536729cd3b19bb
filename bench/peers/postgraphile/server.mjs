// PostGraphile 5 on Roster's tables, configured for production by its documentation.
import { createServer } from "node:http";

import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

// Members are ordered by this column. No index begins with it, so the ordering must be enabled.
const smartTags = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      organizations_membership: {
        attribute: { created_at: { tags: { behavior: "+attribute:orderBy" } } },
      },
    },
  },
});
const server = createServer();
const service = postgraphile({
  extends: [
    PostGraphileAmberPreset,
    PgSimplifyInflectionPreset,
    PostGraphileConnectionFilterPreset,
  ],
  plugins: [smartTags],
  pgServices: [makePgService({ connectionString: process.env.DATABASE_URL, schemas: ["public"] })],
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false },
});
await service.createServ(grafserv).addTo(server);
server.keepAliveTimeout = 75_000;
server.listen(Number(process.env.PORT), "127.0.0.1");
