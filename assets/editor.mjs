// The inventory's editor: YAML with completion from the schema and the same checks as `commune-monitor check`, while typing.
// Bundled by vendor.py. It enhances an ordinary form: without it the page works all the same.
import { basicSetup } from "codemirror";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { autocompletion } from "@codemirror/autocomplete";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { proposals } from "./completion.mjs";

const PAUSE = 400; // milliseconds without a key until the text is checked

function theme() {
  const token = (name) => `var(--${name})`;
  return EditorView.theme({
    "&": { fontSize: "14px", backgroundColor: token("sunken"), color: token("text"), border: `1px solid ${token("line-strong")}`, borderRadius: "6px" },
    ".cm-content, .cm-gutters": { fontFamily: "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', monospace" },
    ".cm-content": { caretColor: token("text"), minHeight: "24em" },
    ".cm-gutters": { backgroundColor: token("ground"), color: token("soft"), border: "none" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--link) 9%, transparent)" },
    "&.cm-focused": { outline: `2px solid ${token("focus")}` },
    ".cm-cursor": { borderLeftColor: token("text") },
    "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--link) 28%, transparent) !important" },
    ".cm-tooltip": { backgroundColor: token("surface"), color: token("text"), border: `1px solid ${token("line-strong")}` },
    ".cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
    ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: token("link"), color: token("surface") },
    // The editor's own marks are images in addresses, which the page's policy refuses.
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: `underline wavy ${token("down")}` },
    ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: `underline wavy ${token("degraded-line")}` },
    ".cm-lint-marker-error": { content: "normal", borderRadius: "50%", backgroundColor: token("down-solid") },
    ".cm-lint-marker-warning": { content: "normal", backgroundColor: token("degraded-line") },
    ".cm-completionInfo": { maxWidth: "38ch", whiteSpace: "pre-line" },
    ".cm-completionDetail": { color: "inherit", opacity: ".75", fontStyle: "normal" },
  });
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--link)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--up)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--soft)" },
]);

function begin() {
  const form = document.getElementById("editor"), source = document.getElementById("source");
  if (!form || !source) return;
  const file = form.dataset.file, said = document.getElementById("said"), found = document.getElementById("found");
  // In a shadow root the editor's styles are constructed sheets, which the page's strict policy allows.
  const host = document.createElement("div");
  source.before(host);
  const root = host.attachShadow({ mode: "open" });
  let words = null, timer = 0, asked = 0;

  const view = new EditorView({
    root, parent: root,
    state: EditorState.create({
      doc: source.value,
      extensions: [
        basicSetup, yaml(), theme(), syntaxHighlighting(colours), lintGutter(),
        keymap.of([indentWithTab, { key: "Mod-s", preventDefault: true, run: submit }]),
        autocompletion({ override: [(context) => words && proposals(context, words)], activateOnTyping: true }),
        EditorState.readOnly.of(source.readOnly),
        EditorState.tabSize.of(2),
        EditorView.contentAttributes.of({ "aria-label": document.querySelector("label[for=source]").textContent }),
        EditorView.lineWrapping,
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          source.value = view.state.doc.toString();
          clearTimeout(timer);
          timer = setTimeout(check, PAUSE);
        }),
      ],
    }),
  });
  source.hidden = true;
  form.editor = view; // for tests and for the curious
  fetch("/api/v1/inventory/schema").then((answer) => answer.ok ? answer.json() : null).then((got) => { words = got; }).catch(() => {});
  if (source.value.trim()) check(); else view.focus();

  function submit() {
    const button = document.getElementById("preview");
    if (button) form.requestSubmit(button);
    return true;
  }

  async function check() {
    const turn = ++asked;
    said.textContent = said.dataset.checking;
    try {
      const answer = await fetch("/api/v1/inventory/preview", {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ files: { [file]: view.state.doc.toString() } }),
      });
      if (turn !== asked) return;
      if (!answer.ok) throw new Error(answer.status);
      show((await answer.json()).problems);
    } catch (error) {
      if (turn === asked) said.textContent = said.dataset.away;
    }
  }

  function show(problems) {
    const own = problems.filter((one) => !file || one.file.endsWith("/" + file) || one.file === file);
    view.dispatch(setDiagnostics(view.state, own.filter((one) => one.line).map(placed)));
    const wrong = problems.filter((one) => one.severity === "error");
    said.textContent = wrong.length ? `${wrong.length} ${said.dataset.wrong}` : said.dataset.right;
    said.dataset.state = wrong.length ? "down" : "up";
    found.replaceChildren(...wrong.slice(0, 50).map(line));
  }

  function placed(one) {
    const line = view.state.doc.line(Math.min(one.line, view.state.doc.lines));
    const from = Math.min(line.from + Math.max(one.column - 1, 0), line.to);
    const word = /^[^\s:,\]}]+/.exec(line.text.slice(from - line.from));
    return { from, to: from + (word ? word[0].length : 0), severity: one.severity, message: one.message };
  }

  function line(one) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "mistake";
    button.textContent = `${one.file.endsWith("/" + file) ? "" : one.file + " "}${one.line}:${one.column} ${one.message}`;
    button.onclick = () => {
      const at = placed(one);
      view.dispatch({ selection: { anchor: at.from, head: at.to }, scrollIntoView: true });
      view.focus();
    };
    return button;
  }
}

begin();
