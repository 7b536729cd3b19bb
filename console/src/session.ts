import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Api, Identity } from "./api";

/** Message of a failed request; `null` on success. */
type Failure = string | null;

export interface Session {
  /** `undefined` until the first response. */
  identity: Identity | null | undefined;
  notice: Failure;
  show(notice: Failure): void;
  refresh(): Promise<void>;
  signIn(login: string, password: string, code: string): Promise<Failure>;
  signOut(): Promise<Failure>;
}

export function useSession(api: Api): Session {
  const [identity, setIdentity] = useState<Identity | null>();
  const [notice, show] = useState<Failure>(null);
  const last = useRef<Promise<unknown>>(Promise.resolve());

  /** Serializes changes, so that the displayed identity is that of the latest cookie. */
  const enqueue = useCallback(
    (change?: () => Promise<void>): Promise<Failure> => {
      const attempt = last.current.then(async () => {
        try {
          await change?.();
          setIdentity(await api.me());
          return null;
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
      });
      last.current = attempt;
      return attempt;
    },
    [api],
  );

  const actions = useMemo(
    () => ({
      refresh: async () => show(await enqueue()),
      signIn: (login: string, password: string, code: string) =>
        enqueue(() => api.signIn(login, password, code)),
      signOut: () => enqueue(() => api.signOut()),
    }),
    [api, enqueue],
  );

  useEffect(() => {
    // The session can start or end in another tab.
    const refresh = () => void actions.refresh();
    refresh();
    window.addEventListener("focus", refresh);
    return () => window.removeEventListener("focus", refresh);
  }, [actions]);

  return { identity, notice, show, ...actions };
}
