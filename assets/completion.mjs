// What may stand at the cursor, from the JSON Schema and the names of the inventory. Knows YAML's block style and one-line {a: b}.

import { snippet, startCompletion } from "@codemirror/autocomplete";

const MOST = 60; // proposals of one list

/** Return CodeMirror's completions at the cursor, or null for none. */
export function proposals(context, words) {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  if (/^\s*#/.test(before)) return null;
  const place = placeOf(context.state.doc, line.number, before);
  if (!place.partial && !context.explicit && !place.opened) return null;
  const schemas = walk(words.schema, place.path);
  const every = place.value === null ? keys(schemas, place, words) : values(schemas, place, words, context.state.doc);
  const options = fitting(every, place.partial);
  return options.length ? { from: context.pos - place.partial.length, options, filter: false } : null;
}

/** Keep what holds the typed letters, compared without tone marks and capitals; what begins with them first. */
function fitting(options, partial) {
  const typed = folded(partial);
  const ranked = options.map((one) => [folded(one.label).indexOf(typed), one]).filter(([at]) => at >= 0);
  ranked.sort(([a], [b]) => (a > 0) - (b > 0));
  return ranked.slice(0, MOST).map(([, one]) => one);
}

const folded = (text) => text.toLowerCase().replaceAll("đ", "d").normalize("NFD").replace(/\p{M}/gu, "");

/** Insert a text with places to fill in, and propose what may stand at the first of them. */
function opening(template) {
  const insert = snippet(template);
  return (view, completion, from, to) => {
    insert(view, completion, from, to);
    setTimeout(() => startCompletion(view));
  };
}

/** Where the cursor is: the keys down to it, the key whose value is being written (or null), what is typed of it. */
function placeOf(doc, number, before) {
  const indent = before.match(/^\s*/)[0].length;
  let rest = before.slice(indent).replace(/^-\s+/, "");
  const path = above(doc, number, indent);
  const brace = lastOpen(rest);
  if (brace >= 0) {
    const owner = /([^\s,{}]+):\s*$/.exec(rest.slice(0, brace));
    const outer = rest.slice(0, brace).match(/([^\s,{}]+):\s*\{/g) || [];
    for (const one of outer) path.push(unquoted(one.split(":")[0]));
    if (owner) path.push(unquoted(owner[1]));
    const inside = rest.slice(brace + 1);
    rest = inside.slice(Math.max(inside.lastIndexOf(","), -1) + 1).trimStart();
  }
  const split = /^([^\s:]+):(\s+)(.*)$/.exec(rest);
  if (!split) return { path, value: null, partial: rest, opened: brace >= 0 && !rest, inline: brace >= 0 };
  const typed = /[^\s,[]*$/.exec(split[3])[0];
  return { path: [...path, unquoted(split[1])], value: unquoted(split[1]), partial: typed, opened: !split[3] };
}

/** The keys above a line, each less indented than the one below it. */
function above(doc, number, indent) {
  const path = [];
  for (let at = number - 1, level = indent; at > 0 && level > 0; at--) {
    const found = /^(\s*)(?:-\s+)?([^\s#:][^:]*):(\s|$)/.exec(doc.line(at).text);
    if (found && found[1].length < level) {
      path.unshift(unquoted(found[2]));
      level = found[1].length;
    }
  }
  return path;
}

function lastOpen(text) {
  let open = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "{") open.push(at);
    else if (text[at] === "}") open.pop();
  }
  return open.length ? open[open.length - 1] : -1;
}

const unquoted = (text) => text.trim().replace(/^["']|["']$/g, "");

/** Every schema that may hold at a path. */
function walk(root, path) {
  let here = flat(root, root);
  for (const key of path) here = here.flatMap((one) => below(root, one, key));
  return here;
}

function flat(root, one, depth = 0) {
  if (!one || typeof one !== "object" || depth > 8) return [];
  if (one.$ref) return flat(root, one.$ref.split("/").slice(1).reduce((at, part) => at && at[part], root), depth + 1)
    .map((found) => (one.description ? { ...found, description: one.description } : found));
  const choices = [...(one.anyOf || []), ...(one.oneOf || []), ...(one.allOf || [])];
  return choices.length ? [one, ...choices.flatMap((choice) => flat(root, choice, depth + 1))] : [one];
}

function below(root, one, key) {
  if (one.properties && one.properties[key]) return flat(root, one.properties[key]);
  for (const [pattern, held] of Object.entries(one.patternProperties || {})) {
    if (new RegExp(pattern).test(key)) return flat(root, held);
  }
  if (one.items) return below(root, one.items, key);
  return one.additionalProperties && typeof one.additionalProperties === "object" ? flat(root, one.additionalProperties) : [];
}

function keys(schemas, place, words) {
  const found = new Map();
  for (const one of schemas) {
    for (const [name, held] of Object.entries(one.properties || {})) {
      if (!found.has(name)) found.set(name, { label: name, apply: written(name, held, place, words.schema), type: "property", ...described(words.schema, held) });
    }
  }
  if (place.path.length === 1 && place.path[0] === "sites") {
    for (const [code, name] of words.communes) found.set(code, { label: `${name} ${code}`, detail: code, apply: opening(`${code}:\n\t\${}`), type: "class" });
  }
  if (place.path.length === 3 && place.path[2] === "devices") {
    for (const [role, title] of Object.entries(words.roles)) {
      found.set(role, { label: role, detail: title, apply: opening(`${role}:\n\taddress: \${}\n\trole: ${role}`), type: "class" });
    }
  }
  return [...found.values()];
}

/** What choosing a key writes: a mapping begins on the next line, or in braces where the line is in braces already. */
function written(name, held, place, root) {
  const mapping = flat(root, held).some((one) => one.properties || one.patternProperties || typeof one.additionalProperties === "object");
  if (!mapping) return opening(`${name}: \${}`);
  return opening(place.inline ? `${name}: {\${}}` : `${name}:\n\t\${}`);
}

function described(root, held) {
  const text = held.description || (flat(root, held).find((one) => one.description) || {}).description;
  return text ? { info: text } : {};
}

function values(schemas, place, words, doc) {
  const found = enums(schemas).map((label) => ({ label: String(label), type: "enum" }));
  if (schemas.some((one) => one.type === "boolean")) found.push({ label: "true", type: "keyword" }, { label: "false", type: "keyword" });
  if (place.value === "role") {
    for (const [role, title] of Object.entries(words.roles)) {
      const known = found.find((one) => one.label === role);
      if (known) known.detail = title; else found.push({ label: role, detail: title, type: "enum" });
    }
  }
  const holder = place.path[place.path.length - 2];
  if (holder === "credentials") {
    for (const [name, kind] of Object.entries(words.credentials)) found.push({ label: name, detail: kind, type: "variable" });
  }
  if (place.value === "parent" || place.value === "parents") {
    const site = place.path[1], own = [...doc.toString().matchAll(/^ {6}([a-z0-9][a-z0-9_.-]*):/gm)].map((one) => one[1]);
    const others = words.devices.filter((id) => !id.startsWith(`${site}/`));
    for (const name of new Set([...own, ...others])) found.push({ label: name, type: "variable" });
  }
  return found;
}

function enums(schemas) {
  const found = schemas.flatMap((one) => [...(one.enum || []), ...("const" in one ? [one.const] : [])]);
  return [...new Set(found)].filter((one) => one !== null);
}
