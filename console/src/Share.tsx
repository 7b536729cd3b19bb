import { ChevronDownIcon, parseJSONC, pick, useGraphiQL } from "@graphiql/react";
import { type FocusEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { type Operation, withoutSecrets } from "./secrets";
import { curlOf, fetchOf, linkTo, readLink } from "./formats";
import { useOpenTab } from "./openTab";

type Copy = (page: string, operation: Operation) => string;

const COPIES: Record<string, Copy> = {
  "Copy link": linkTo,
  "Copy as curl": curlOf,
  "Copy as fetch": fetchOf,
};

/** Copies the operation of the current tab without secrets, and opens links to operations. */
export function Share({ onFailure }: { onFailure(message: string): void }) {
  const { queryEditor, variableEditor, operationName } = useGraphiQL(
    pick("queryEditor", "variableEditor", "operationName"),
  );
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [copied, setCopied] = useState("");
  useSharedLink();

  async function copy(name: string, format: Copy) {
    setCopied("");
    try {
      const operation = withoutSecrets({
        query: queryEditor?.getValue() ?? "",
        variables: parseJSONC(variableEditor?.getValue() ?? "") ?? {},
        ...(operationName && { operationName }),
      });
      const page = `${location.origin}${location.pathname}`;
      await navigator.clipboard.writeText(format(page, operation));
      setCopied(`${name}: done, without secrets and headers`);
    } catch (error) {
      onFailure(`Not copied: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  function close() {
    setOpen(false);
    setCopied("");
  }

  function onBlur({ currentTarget, relatedTarget }: FocusEvent) {
    if (!currentTarget.contains(relatedTarget)) {
      close();
    }
  }

  function onKeyDown({ key }: KeyboardEvent) {
    if (key === "Escape") {
      close();
      button.current?.focus();
    }
  }

  return (
    <div className="share" onBlur={onBlur} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        className="bar-button"
        aria-expanded={isOpen}
        disabled={!queryEditor}
        onClick={() => (isOpen ? close() : setOpen(true))}
      >
        Share
        <ChevronDownIcon className="bar-chevron" aria-hidden="true" />
      </button>
      <div className="share-menu" hidden={!isOpen}>
        {Object.entries(COPIES).map(([name, format]) => (
          <button key={name} type="button" onClick={() => void copy(name, format)}>
            {name}
          </button>
        ))}
        <p role="status">{copied}</p>
      </div>
    </div>
  );
}

/** Opens the link's operation once, without executing it. */
function useSharedLink() {
  const openTab = useOpenTab();
  useEffect(() => {
    if (!openTab) {
      return undefined;
    }
    const open = () => {
      const shared = readLink(location.hash);
      if (shared) {
        history.replaceState(null, "", location.pathname + location.search);
        openTab(shared.query, shared.variables);
      }
    };
    open();
    window.addEventListener("hashchange", open);
    return () => window.removeEventListener("hashchange", open);
  }, [openTab]);
}
