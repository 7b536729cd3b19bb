import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";

/** Repaints the editors when the system's colour scheme changes, as the stylesheet does. */
export function useSystemTheme(): void {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    if (theme) {
      return;
    }
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    // GraphiQL reads the scheme only when a theme is set; null is that of the system.
    const repaint = () => setTheme(null);
    scheme.addEventListener("change", repaint);
    return () => scheme.removeEventListener("change", repaint);
  }, [theme, setTheme]);
}
