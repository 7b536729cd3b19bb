import { pick, useGraphiQL } from "@graphiql/react";
import { type RefObject, useEffect } from "react";
import type { Cost, Debug, Report } from "./report";

const number = new Intl.NumberFormat("en");

interface Props {
  /** Set to the id of the current tab. */
  tab: RefObject<string>;
  /** By the id of the tab. */
  reports: ReadonlyMap<string, Report>;
}

/** Shows the cost and the plan of the current tab's answer. */
export function Execution({ tab, reports }: Props) {
  const { tabs, activeTabIndex } = useGraphiQL(pick("tabs", "activeTabIndex"));
  const current = tabs[activeTabIndex]?.id ?? "";
  useEffect(() => {
    tab.current = current;
  }, [tab, current]);
  const { cost, debug } = reports.get(current) ?? {};
  return (
    <section className="execution" aria-label="Execution">
      <p className="execution-cost" role="status">
        {cost && describe(cost)}
      </p>
      {debug && <Plan debug={debug} />}
    </section>
  );
}

function describe({ requested, limit, remaining }: Cost): string {
  const points = `Cost: ${number.format(requested)} ${requested === 1 ? "point" : "points"}`;
  return limit === null || remaining === null
    ? points
    : `${points} · ${number.format(remaining)} of ${number.format(limit)} left`;
}

function Plan({ debug: { executor, cache, refusal, plan, statements } }: { debug: Debug }) {
  const origin = executor === null ? "cached answer" : `executed by ${executor}`;
  const count = statements.length === 1 ? "1 statement" : `${statements.length} statements`;
  return (
    <details className="plan">
      <summary>
        Plan · {origin}, {count}
      </summary>
      <div className="plan-content" tabIndex={0} role="group" aria-label="Plan and statements">
        {refusal && <p>{refusal}</p>}
        {cache.reason && <p>Not cached: {cache.reason}</p>}
        <pre>{plan.join("\n")}</pre>
        {statements.map(({ reads, sql, rows, milliseconds }, index) => (
          <figure key={index}>
            <figcaption>
              {reads ?? "Statement"} · {rows ?? 0} rows · {milliseconds} ms
            </figcaption>
            <pre>{sql}</pre>
          </figure>
        ))}
      </div>
    </details>
  );
}
