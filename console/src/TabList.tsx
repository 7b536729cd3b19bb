/**
 * Replaces GraphiQL's tabs (see build.mjs): its roles nest buttons in tabs, and arrow keys do
 * not reach them. This is the pattern of the WAI-ARIA Authoring Practices; Delete closes a tab.
 */
import { CloseIcon, cn } from "@graphiql/react";
import {
  type ComponentProps,
  createContext,
  type KeyboardEvent,
  type MouseEventHandler,
  type ReactNode,
  use,
} from "react";

const IsActive = createContext(false);

interface TabsProps {
  className?: string;
  "aria-label": string;
  children: ReactNode;
}

export function Tabs({ className, "aria-label": label, children }: TabsProps) {
  return (
    <div
      role="tablist"
      aria-label={label}
      className={cn("graphiql-tabs", className)}
      onKeyDown={onKeyDown}
    >
      {children}
    </div>
  );
}

function TabItem({ isActive = false, children }: { isActive?: boolean; children: ReactNode }) {
  return (
    <IsActive value={isActive}>
      <div role="presentation" className={cn("graphiql-tab", isActive && "graphiql-tab-active")}>
        {children}
      </div>
    </IsActive>
  );
}

function TabButton(props: ComponentProps<"button">) {
  const isActive = use(IsActive);
  return (
    <button
      {...props}
      type="button"
      role="tab"
      aria-selected={isActive}
      aria-keyshortcuts="Delete"
      tabIndex={isActive ? 0 : -1}
      className="graphiql-un-styled graphiql-tab-button"
    />
  );
}

/** For the mouse; a button would not be allowed in a list of tabs. */
function TabClose({ onClick }: { onClick: MouseEventHandler }) {
  return (
    <span className="graphiql-tab-close" aria-hidden="true" title="Close tab" onClick={onClick}>
      <CloseIcon />
    </span>
  );
}

export const Tab = Object.assign(TabItem, { Button: TabButton, Close: TabClose });

function onKeyDown(event: KeyboardEvent<HTMLElement>) {
  const list = event.currentTarget;
  const tabs = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
  const current = tabs.indexOf(event.target as HTMLElement);
  const moves: Record<string, number> = {
    ArrowLeft: current - 1,
    ArrowRight: (current + 1) % tabs.length,
    Home: 0,
    End: -1,
  };
  const next = moves[event.key];
  if (current < 0) {
    return;
  }
  if (next !== undefined) {
    event.preventDefault();
    const tab = tabs.at(next);
    tab?.click();
    tab?.focus();
  } else if (event.key === "Delete") {
    tabs[current]?.parentElement?.querySelector<HTMLElement>(".graphiql-tab-close")?.click();
    requestAnimationFrame(() =>
      list.querySelector<HTMLElement>("[role=tab][aria-selected=true]")?.focus(),
    );
  }
}
