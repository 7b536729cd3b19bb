import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Api, Identity } from "./api";

/** Why a request was refused, for people to read; `null` if it was not. */
type Refusal = string | null;

export interface Session {
  /** `undefined` until the server has answered for the first time. */
  identity: Identity | null | undefined;
  notice: Refusal;
  show(notice: Refusal): void;
  refresh(): Promise<void>;
  signIn(login: string, password: string, code: string): Promise<Refusal>;
  signOut(): Promise<Refusal>;
}

export function useSession(api: Api): Session {
  const [identity, setIdentity] = useState<Identity | null>();
  const [notice, show] = useState<Refusal>(null);
  const last = useRef<Promise<unknown>>(Promise.resolve());

  /** One after the other, so that the identity shown is that of the last cookie. */
  const enqueue = useCallback(
    (change?: () => Promise<void>): Promise<Refusal> => {
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
    // A session can end, or begin, in another tab.
    const refresh = () => void actions.refresh();
    refresh();
    window.addEventListener("focus", refresh);
    return () => window.removeEventListener("focus", refresh);
  }, [actions]);

  return { identity, notice, show, ...actions };
}
