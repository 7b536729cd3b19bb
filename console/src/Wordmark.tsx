import type { Config } from "./config";

/** A list whose first row is present, and the name in strokes of one width. */
export function Wordmark({ logo, name }: Pick<Config, "logo" | "name">) {
  if (logo || name !== "Roster") {
    return (
      <>
        {logo && <img className="bar-logo" src={logo} alt="" />}
        {name}
      </>
    );
  }
  return (
    <svg className="wordmark" viewBox="0 0 102 24" role="img" aria-label="Roster">
      <rect className="wordmark-tile" width="24" height="24" rx="6.5" />
      <g className="wordmark-rows">
        <circle cx="7.2" cy="7" r="1.9" />
        <path d="M11.8 7h6.2" />
        <g opacity=".62">
          <circle cx="7.2" cy="12" r="1.9" />
          <path d="M11.8 12h4.2" />
          <circle cx="7.2" cy="17" r="1.9" />
          <path d="M11.8 17h6.2" />
        </g>
      </g>
      <path
        className="wordmark-letters"
        d="M34 18V6h4.3a3.5 3.5 0 0 1 0 7H34m4.4 0 3.9 5
           M49.3 10a4 4 0 1 0 0 8 4 4 0 0 0 0-8z
           M62.2 11.5c-.5-1-1.5-1.5-2.8-1.5-1.6 0-2.7.8-2.7 2 0 2.8 5.8 1.1 5.8 4 0 1.2-1.2 2-2.9 2-1.5 0-2.7-.6-3.2-1.7
           M67.3 7v8.3a2.7 2.7 0 0 0 2.7 2.7h.7M65 10h5.7
           M74.3 14h7.7a3.9 4 0 1 0-1.1 2.8
           M87 18v-8m0 3.8a3.8 3.8 0 0 1 4.3-3.7"
      />
    </svg>
  );
}
