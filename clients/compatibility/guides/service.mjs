import { createClient } from "@roster/client";

/** The service that tests/system/test_guides.py has started; its users are public, or Alice. */
export const service = JSON.parse(process.env.ROSTER_SERVICE ?? "null");

/** Return a client that is signed in as Alice, and the operations that it sends. */
export async function signedIn() {
  const sent = [];
  const roster = createClient({
    url: service.url,
    fetch: async (url, init) => {
      sent.push(/(?:query|mutation) (\w+)/.exec(JSON.parse(init.body).query)[1]);
      return fetch(url, init);
    },
  });
  await roster.logIn("alice", service.password);
  sent.length = 0;
  return { roster, sent };
}
