import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type { Api, Ids } from "./api";
import type { ExampleOperation } from "./config";
import { useOpenTab } from "./openTab";

const LIST = "examples-list";

interface Props {
  api: Api;
  operations: ExampleOperation[];
}

/** A combobox whose list is always open (WAI-ARIA Authoring Practices), in a dialog. */
export function Examples({ api, operations }: Props) {
  const openTab = useOpenTab();
  const dialog = useRef<HTMLDialogElement>(null);
  const ids = useRef<Promise<Ids>>(Promise.resolve({}));
  const [search, setSearch] = useState("");
  const [active, setActive] = useState(0);
  const found = useMemo(() => matching(operations, search), [operations, search]);
  const topics = [...new Set(found.map(({ topic }) => topic))];

  useEffect(() => {
    document.getElementById(optionId(active))?.scrollIntoView({ block: "nearest" });
  }, [active, found]);

  function show() {
    ids.current = api.ids().catch(() => ({}));
    find("");
    dialog.current?.showModal();
  }

  function find(text: string) {
    setSearch(text);
    setActive(0);
  }

  async function open({ document, variables }: ExampleOperation) {
    const known = await ids.current;
    dialog.current?.close();
    openTab?.(document, fill(variables, known));
  }

  function onKeyDown(event: KeyboardEvent) {
    const last = found.length - 1;
    const moves: Record<string, number> = {
      ArrowDown: active < last ? active + 1 : 0,
      ArrowUp: active > 0 ? active - 1 : last,
      PageDown: Math.min(active + 8, last),
      PageUp: Math.max(active - 8, 0),
    };
    const next = moves[event.key];
    const chosen = found[active];
    if (next !== undefined) {
      event.preventDefault();
      setActive(next);
    } else if (event.key === "Enter" && chosen) {
      event.preventDefault();
      void open(chosen);
    }
  }

  return (
    <>
      <button type="button" className="bar-button" disabled={!openTab} onClick={show}>
        Examples
      </button>
      <dialog ref={dialog} className="dialog examples" aria-label="Examples" closedby="any">
        <div className="examples-head">
          <input
            className="examples-search"
            type="search"
            role="combobox"
            aria-label="Search examples"
            aria-expanded="true"
            aria-controls={LIST}
            aria-autocomplete="list"
            aria-activedescendant={found.length ? optionId(active) : undefined}
            placeholder="Search examples"
            autoComplete="off"
            autoFocus
            value={search}
            onChange={(event) => find(event.currentTarget.value)}
            onKeyDown={onKeyDown}
          />
          <button type="button" className="bar-button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        <p className="examples-count" role="status">
          {found.length === 1 ? "1 example" : `${found.length} examples`}
        </p>
        <div className="examples-list" id={LIST} role="listbox" aria-label="Examples">
          {topics.map((topic, position) => (
            <div key={topic} role="group" aria-labelledby={`examples-topic-${position}`}>
              <h2 className="examples-topic" id={`examples-topic-${position}`} role="presentation">
                {topic}
              </h2>
              {found.map((operation, index) =>
                operation.topic === topic ? (
                  <div
                    key={operation.name}
                    className="example"
                    id={optionId(index)}
                    role="option"
                    aria-selected={index === active}
                    onClick={() => void open(operation)}
                    onMouseMove={() => setActive(index)}
                  >
                    <span className="example-name">{operation.name}</span>
                    <span className="example-description">{operation.description}</span>
                  </div>
                ) : null,
              )}
            </div>
          ))}
        </div>
      </dialog>
    </>
  );
}

function optionId(index: number): string {
  return `example-${index}`;
}

/** Return the operations that have all words of the search. */
function matching(operations: ExampleOperation[], search: string): ExampleOperation[] {
  const words = search.toLowerCase().split(/\s+/);
  return operations.filter(({ topic, name, description }) => {
    const spaced = name.replace(/(?<=[a-z])(?=[A-Z])/g, " ");
    const text = `${topic} ${name} ${spaced} ${description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Replace placeholders by the ids that are known. */
function fill(variables: string, ids: Ids): string {
  return variables.replace(/"<([\w ]+)>"/g, (placeholder, name: string) =>
    ids[name] === undefined ? placeholder : JSON.stringify(ids[name]),
  );
}
