import { type SyntheticEvent, useRef, useState } from "react";
import type { Session } from "./session";

export function SignIn({ session }: { session: Session }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState<string | null>(null);

  async function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    const message = await session.signIn(
      String(fields.get("login")),
      String(fields.get("password")),
      String(fields.get("code")),
    );
    setFailure(message);
    if (message === null) {
      form.reset();
      dialog.current?.close();
    }
  }

  return (
    <>
      <button
        type="button"
        className="bar-button bar-button-primary"
        onClick={() => dialog.current?.showModal()}
      >
        Sign in
      </button>
      <dialog ref={dialog} className="sign-in" aria-labelledby="sign-in-title" closedby="any">
        <form onSubmit={(event) => void submit(event)}>
          <h2 id="sign-in-title">Sign in</h2>
          <label>
            Username or e-mail
            <input name="login" autoComplete="username" autoCapitalize="none" required autoFocus />
          </label>
          <label>
            Password
            <input name="password" type="password" autoComplete="current-password" required />
          </label>
          <label>
            Code, if you have an authenticator app
            <input name="code" autoComplete="one-time-code" />
          </label>
          <p className="sign-in-refusal" role="alert">
            {failure}
          </p>
          <p>
            <a href="/forgot-password">Forgot your password?</a>
          </p>
          <div className="sign-in-actions">
            <button type="button" className="bar-button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" className="bar-button bar-button-primary">
              Sign in
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
