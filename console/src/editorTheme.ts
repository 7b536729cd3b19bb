import { editor } from "monaco-graphql/esm/monaco-editor.js";

interface Palette {
  base: "vs" | "vs-dark";
  text: string;
  surface: string;
  line: string;
  muted: string;
  accent: string;
  field: string;
  type: string;
  argument: string;
  literal: string;
  number: string;
}

const PALETTES = {
  light: {
    base: "vs",
    text: "#2b3a4d",
    surface: "#ffffff",
    line: "#d5dce4",
    muted: "#5f6f84",
    accent: "#0f6b60",
    field: "#1f4e8c",
    type: "#875209",
    argument: "#5b47a3",
    literal: "#1f6b43",
    number: "#a3402a",
  },
  dark: {
    base: "vs-dark",
    text: "#cdd7e3",
    surface: "#1a212b",
    line: "#35414f",
    muted: "#8c9bb0",
    accent: "#6fcdbb",
    field: "#90c2f3",
    type: "#e6bd7d",
    argument: "#bcb2f5",
    literal: "#97d3a6",
    number: "#f0a58c",
  },
} satisfies Record<string, Palette>;

export const EDITOR_THEME = { light: "roster-light", dark: "roster-dark" };

const TRANSPARENT = "#00000000";

function themeData(palette: Palette): editor.IStandaloneThemeData {
  const wash = `${palette.accent}1f`;
  const rule = (token: string, colour: string, fontStyle = "") => ({
    token,
    foreground: colour.slice(1),
    fontStyle,
  });
  return {
    base: palette.base,
    inherit: true,
    rules: [
      rule("", palette.text),
      rule("comment", palette.muted, "italic"),
      rule("keyword", palette.accent),
      rule("annotation", palette.accent),
      rule("key.identifier.gql", palette.field),
      rule("type.identifier.gql", palette.type),
      rule("argument.identifier.gql", palette.argument),
      rule("delimiter", palette.muted),
      rule("operator", palette.muted),
      rule("string", palette.literal),
      rule("string.key.json", palette.field),
      rule("string.value.json", palette.literal),
      rule("number", palette.number),
      rule("keyword.json", palette.argument),
    ],
    colors: {
      foreground: palette.text,
      focusBorder: palette.accent,
      "editor.background": TRANSPARENT,
      "editor.foreground": palette.text,
      "editorLineNumber.dimmedForeground": palette.muted,
      "editor.selectionBackground": `${palette.accent}33`,
      "editorCursor.foreground": palette.accent,
      "editorLineNumber.foreground": palette.muted,
      "editorLineNumber.activeForeground": palette.text,
      "editorIndentGuide.background1": `${palette.line}80`,
      "editorIndentGuide.activeBackground1": palette.line,
      "editorBracketHighlight.foreground1": palette.muted,
      "editorBracketHighlight.foreground2": palette.muted,
      "editorBracketHighlight.foreground3": palette.muted,
      "editorBracketMatch.background": wash,
      "editorBracketMatch.border": TRANSPARENT,
      "editorHoverWidget.background": palette.surface,
      "editorHoverWidget.border": palette.line,
      "editorLink.activeForeground": palette.accent,
      "editorSuggestWidget.background": palette.surface,
      "editorSuggestWidget.border": palette.line,
      "editorSuggestWidget.highlightForeground": palette.accent,
      "editorSuggestWidget.selectedBackground": wash,
      "editorSuggestWidget.selectedForeground": palette.text,
      "editorWidget.background": palette.surface,
      "editorWidget.border": palette.line,
      "input.background": `${palette.line}40`,
      "list.highlightForeground": palette.accent,
      "list.hoverBackground": wash,
      "menu.background": palette.surface,
      "menu.selectionBackground": wash,
      "menu.selectionForeground": palette.text,
      "pickerGroup.foreground": palette.accent,
      "quickInput.background": palette.surface,
      "quickInputList.focusBackground": wash,
      "quickInputList.focusForeground": palette.text,
      "scrollbar.shadow": TRANSPARENT,
      "scrollbarSlider.activeBackground": `${palette.muted}80`,
      "scrollbarSlider.background": `${palette.muted}38`,
      "scrollbarSlider.hoverBackground": `${palette.muted}60`,
      "textLink.activeForeground": palette.accent,
      "textLink.foreground": palette.accent,
      "toolbar.hoverBackground": wash,
    },
  };
}

export function defineEditorThemes(): void {
  editor.defineTheme(EDITOR_THEME.light, themeData(PALETTES.light));
  editor.defineTheme(EDITOR_THEME.dark, themeData(PALETTES.dark));
}
