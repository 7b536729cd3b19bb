import { CloseIcon, useGraphiQL } from "@graphiql/react";
import type { Api, Identity } from "./api";
import type { Config, Demo } from "./config";
import { useEditorKeys } from "./editorKeys";
import { Examples } from "./Examples";
import type { Session } from "./session";
import { Share } from "./Share";
import { SignIn } from "./SignIn";
import { useSystemTheme } from "./systemTheme";
import { Wordmark } from "./Wordmark";

interface Props {
  api: Api;
  config: Config;
  session: Session;
}

export function Bar({ api, config: { admin, demo, logo, name, operations, version }, session }: Props) {
  const { identity, notice } = session;
  useEditorKeys();
  useSystemTheme();
  return (
    <header className="bar">
      <div className="bar-row">
        <SkipLink />
        <h1 className="bar-title">
          <Wordmark logo={logo} name={name} />
        </h1>
        <span className="bar-version">{version}</span>
        <Examples api={api} operations={operations} />
        <Share onFailure={session.show} />
        <span className="bar-space" />
        {demo && <DemoAccounts demo={demo} session={session} />}
        {demo?.inbox && (
          <a className="bar-button" href={demo.inbox} target="_blank" rel="noopener">
            Inbox
          </a>
        )}
        {identity?.isStaff && (
          <a className="bar-button" href={admin}>
            Admin
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
        <SignIn session={session} />
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

/** Passes the bar and the documentation's hundreds of links (WCAG 2.4.1). */
function SkipLink() {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  return (
    <button
      type="button"
      className="bar-button bar-skip"
      onClick={() => queryEditor?.getContainerDomNode().focus()}
    >
      Skip to the editor
    </button>
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
          aria-pressed={session.identity?.username === login}
          onClick={() => void session.signIn(login, demo.password).then(session.show)}
        >
          {login} <span className="account-role">{role}</span>
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
