import { CloseIcon } from "@graphiql/react";
import type { Identity } from "./api";
import type { Config, Demo } from "./config";
import { Examples } from "./Examples";
import type { Session } from "./session";
import { SignIn } from "./SignIn";
import { Wordmark } from "./Wordmark";

interface Props {
  config: Config;
  session: Session;
}

export function Bar({ config: { demo, operations, version }, session }: Props) {
  const { identity, notice } = session;
  return (
    <header className="bar">
      <div className="bar-row">
        <Wordmark />
        <span className="bar-version">{version}</span>
        {operations.length > 0 && <Examples operations={operations} />}
        <span className="bar-space" />
        {demo && <DemoAccounts demo={demo} session={session} />}
        {demo?.inbox && (
          <a className="bar-button" href={demo.inbox} target="_blank" rel="noopener">
            Inbox
          </a>
        )}
        <IdentityLabel identity={identity} demo={demo} />
        {identity && (
          <button
            type="button"
            className="bar-button"
            onClick={() => void session.signOut().then(session.show)}
          >
            Sign out
          </button>
        )}
        {identity === null && !demo && <SignIn session={session} />}
      </div>
      <div role="status">
        {notice && (
          <p className="bar-notice">
            {notice}
            <button type="button" aria-label="Dismiss" onClick={() => session.show(null)}>
              <CloseIcon aria-hidden="true" />
            </button>
          </p>
        )}
      </div>
    </header>
  );
}

function DemoAccounts({ demo, session }: { demo: Demo; session: Session }) {
  return (
    <div className="accounts" role="group" aria-label="Sign in as a demo account">
      <span className="accounts-label" aria-hidden="true">
        Sign in as
      </span>
      {demo.accounts.map(({ login, role, description }) => (
        <button
          key={login}
          type="button"
          className="account"
          title={description}
          aria-label={`Sign in as ${login}, ${role}`}
          aria-pressed={session.identity?.username === login}
          onClick={() => void session.signIn(login, demo.password, "").then(session.show)}
        >
          {login}
          <span className="account-role">{role}</span>
        </button>
      ))}
    </div>
  );
}

function IdentityLabel({
  identity,
  demo,
}: {
  identity: Session["identity"];
  demo: Demo | null;
}) {
  if (identity === undefined) {
    return null;
  }
  if (identity === null) {
    return <span className="identity">Signed out</span>;
  }
  const account = demo?.accounts.find(({ login }) => login === identity.username);
  return (
    <span className="identity">
      <strong>{identity.name || identity.username}</strong>
      <span className="identity-role"> · {account?.role ?? roleOf(identity)}</span>
    </span>
  );
}

function roleOf({ isStaff, isSuperuser }: Identity): string {
  if (isSuperuser) {
    return "Administrator";
  }
  return isStaff ? "Staff" : "Member";
}
