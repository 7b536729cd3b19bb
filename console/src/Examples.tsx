import {
  ChevronDownIcon,
  DropdownMenu,
  pick,
  useGraphiQL,
  useGraphiQLActions,
} from "@graphiql/react";
import type { ExampleOperation } from "./config";

export function Examples({ operations }: { operations: ExampleOperation[] }) {
  const { addTab } = useGraphiQLActions();
  const { queryEditor, variableEditor } = useGraphiQL(pick("queryEditor", "variableEditor"));

  function open({ document, variables }: ExampleOperation) {
    addTab();
    queryEditor?.setValue(document);
    variableEditor?.setValue(variables);
    queryEditor?.focus();
  }

  return (
    <DropdownMenu>
      <DropdownMenu.Button className="bar-button" disabled={!queryEditor}>
        Examples
        <ChevronDownIcon className="bar-chevron" aria-hidden="true" />
      </DropdownMenu.Button>
      <DropdownMenu.Content className="examples" align="start">
        {operations.map((operation) => (
          <DropdownMenu.Item
            key={operation.name}
            className="example"
            textValue={operation.name}
            onSelect={() => open(operation)}
          >
            <span className="example-name">{operation.name}</span>
            <span className="example-description">{operation.description}</span>
          </DropdownMenu.Item>
        ))}
      </DropdownMenu.Content>
    </DropdownMenu>
  );
}
