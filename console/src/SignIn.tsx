import { supportsPasskeys } from "@roster/client";
import { type SyntheticEvent, useEffect, useRef, useState } from "react";
import type { Failure, Session } from "./session";

/** The dialog of both steps, which opens itself for a second factor. */
export function SignIn({ session }: { session: Session }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState<Failure>(null);
  const { challenge } = session;

  useEffect(() => {
    if (challenge) {
      dialog.current?.showModal();
    }
  }, [challenge]);

  useEffect(() => {
    if (session.identity) {
      dialog.current?.close();
    }
  }, [session.identity]);

  function attempt(change: Promise<Failure>) {
    void change.then(setFailure);
  }

  function close() {
    setFailure(null);
    session.cancel();
  }

  return (
    <>
      {session.identity === null && (
        <button
          type="button"
          className="bar-button bar-button-primary"
          onClick={() => dialog.current?.showModal()}
        >
          Sign in
        </button>
      )}
      <dialog
        ref={dialog}
        className="dialog sign-in"
        aria-labelledby="sign-in-title"
        closedby="any"
        onClose={close}
      >
        <h2 id="sign-in-title">{challenge ? "Second factor" : "Sign in"}</h2>
        {challenge ? (
          <SecondStep
            methods={challenge.methods}
            onCode={(code) => attempt(session.verify(code))}
            onPasskey={() => attempt(session.verify())}
          />
        ) : (
          <FirstStep
            onPassword={(login, password) => attempt(session.signIn(login, password))}
            onPasskey={() => attempt(session.signInWithPasskey())}
          />
        )}
        <p className="sign-in-refusal" role="alert">
          {failure}
        </p>
        <div className="sign-in-actions">
          <button type="button" className="bar-button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" form="sign-in-form" className="bar-button bar-button-primary">
            {challenge ? "Verify" : "Sign in"}
          </button>
        </div>
      </dialog>
    </>
  );
}

interface FirstStepProps {
  onPassword(login: string, password: string): void;
  onPasskey(): void;
}

function FirstStep({ onPassword, onPasskey }: FirstStepProps) {
  return (
    <form
      id="sign-in-form"
      onSubmit={(event) => {
        const fields = fieldsOf(event);
        onPassword(String(fields.get("login")), String(fields.get("password")));
      }}
    >
      <label>
        Username or e-mail
        <input name="login" autoComplete="username" autoCapitalize="none" required autoFocus />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <p>
        <a href="/forgot-password">Forgot your password?</a>
      </p>
      <PasskeyButton onClick={onPasskey} />
    </form>
  );
}

interface SecondStepProps {
  methods: readonly string[];
  onCode(code: string): void;
  onPasskey(): void;
}

function SecondStep({ methods, onCode, onPasskey }: SecondStepProps) {
  return (
    <form id="sign-in-form" onSubmit={(event) => onCode(String(fieldsOf(event).get("code")))}>
      <label>
        Code of your authenticator app, or a recovery code
        <input name="code" autoComplete="one-time-code" required autoFocus />
      </label>
      {methods.includes("PASSKEY") && <PasskeyButton onClick={onPasskey} />}
    </form>
  );
}

function PasskeyButton({ onClick }: { onClick(): void }) {
  return supportsPasskeys() ? (
    <button type="button" className="bar-button" onClick={onClick}>
      Use a passkey
    </button>
  ) : null;
}

function fieldsOf(event: SyntheticEvent<HTMLFormElement>): FormData {
  event.preventDefault();
  return new FormData(event.currentTarget);
}
