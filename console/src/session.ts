import type { LogInResult, SecondFactorChallenge } from "@roster/client";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Api, Identity } from "./api";

/** Message of a failed request; `null` on success. */
export type Failure = string | null;

export interface Session {
  /** `undefined` until the first response. */
  identity: Identity | null | undefined;
  /** The second step of a log-in that has begun. */
  challenge: SecondFactorChallenge | null;
  notice: Failure;
  show(notice: Failure): void;
  refresh(): Promise<void>;
  /** Succeeds also if the user has a second factor, which is then the `challenge`. */
  signIn(login: string, password: string): Promise<Failure>;
  signInWithPasskey(): Promise<Failure>;
  /** Answer the challenge, with a passkey if there is no code. */
  verify(code?: string): Promise<Failure>;
  cancel(): void;
  signOut(): Promise<Failure>;
}

// Recovery codes are longer than those of authenticator apps.
const MAX_TOTP_LENGTH = 12;

export function useSession(api: Api): Session {
  const [identity, setIdentity] = useState<Identity | null>();
  const [challenge, setChallenge] = useState<SecondFactorChallenge | null>(null);
  const [notice, show] = useState<Failure>(null);
  const last = useRef<Promise<unknown>>(Promise.resolve());

  /** Serializes changes, so that the displayed identity is that of the latest cookie. */
  const enqueue = useCallback(
    (change?: () => Promise<unknown>): Promise<Failure> => {
      const attempt = last.current.then(async () => {
        try {
          await change?.();
          setIdentity(await api.identity());
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

  const actions = useMemo(() => {
    const { client } = api;
    return {
      refresh: async () => show(await enqueue()),
      signIn: (login: string, password: string) =>
        enqueue(async () => {
          const { secondFactor }: LogInResult = await client.logIn(login, password);
          setChallenge(secondFactor);
        }),
      signInWithPasskey: () => enqueue(() => client.logInWithPasskey()),
      cancel: () => setChallenge(null),
      signOut: () => enqueue(() => client.logOut()),
    };
  }, [api, enqueue]);

  const verify = useCallback(
    (code?: string) =>
      enqueue(async () => {
        if (code === undefined) {
          await challenge?.verifyPasskey();
        } else {
          const isTotp = code.trim().length <= MAX_TOTP_LENGTH;
          await challenge?.verify(isTotp ? { totp: code } : { recoveryCode: code });
        }
        setChallenge(null);
      }),
    [challenge, enqueue],
  );

  useEffect(() => {
    // The session can start or end in another tab.
    const refresh = () => void actions.refresh();
    refresh();
    window.addEventListener("focus", refresh);
    return () => window.removeEventListener("focus", refresh);
  }, [actions]);

  return { identity, challenge, notice, show, verify, ...actions };
}
