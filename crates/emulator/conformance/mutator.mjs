// Changes documents at random, the same way for the same seed: characters, tokens, and parts of the
// syntax tree, so that some are no documents, many are but not valid, and some are valid.

import { Kind, parse, parseType, parseValue, print, visit } from "graphql";
import { CHARACTERS, LITERALS, NAMES, TYPES, VALUES } from "./corpus.mjs";

const TOKEN =
  /"""(?:\\"""|[^])*?"""|"(?:\\.|[^"\\\n])*"|\.\.\.|[A-Za-z_]\w*|-?\d[\d.eE+-]*|#[^\n]*|[\s,]+|[^]/gu;
const PUNCTUATORS = ["!", "$", "&", "(", ")", "...", ":", "=", "@", "[", "]", "{", "|", "}"];
const DIRECTIVES = [
  "@skip(if: true)", "@include(if: false)", "@include(if: $id)", "@skip", "@deprecated", '@tag(name: "x")',
  "@tag", "@once", "@once(ids: [1])", "@unheard(id: 5)", '@unheard(agentSessionId: 5, style: "x")', "@oneOf",
  '@skip(if: "x")', "@include(if: true, if: true)", "@skip(if: false) @skip(if: true)", '@specifiedBy(url: "u")',
];
const ADDED = [
  "fragment Added on Query { __typename }", "fragment Added on Query { ...Added }", "query Added { __typename }",
  "fragment A on Query { ...B } fragment B on Query { ...A }", "{ __typename }", "mutation Added { __typename }",
  "fragment Added on Unheard { a }", "fragment Added on String { length }", "subscription { __typename }",
  "type Added { a: Int }", "extend type Query { a: Unheard @unheard }", "directive @unheard(id: Int!) on FIELD",
  "scalar Unheard", "fragment on on Query { __typename }", "fragment R on DinoAiAgentRun { status: ok }", "query { }",
  "fragment P on Person { age: name }", "input Unheard { a: Int = \"x\" @deprecated }", "extend schema @unheard", "extend scalar S",
];

export class Mutator {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 to 1, by mulberry32. */
  #random() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  #below(count) {
    return Math.floor(this.#random() * count);
  }

  pick(items) {
    return items[this.#below(items.length)];
  }

  chance(share) {
    return this.#random() < share;
  }

  /** A request made from one of a corpus: `{ query, variables, operationName }`, variables as JSON. */
  request(corpus) {
    let [query, variables = "{}"] = this.pick(corpus);
    const steps = this.pick([1, 1, 1, 2, 3]);
    const level = this.#random();
    if (level < 0.18) {
      // Only what is sent beside it.
    } else if (level < 0.34) {
      for (let step = 0; step < steps; step += 1) query = this.#characters(query);
    } else if (level < 0.52) {
      for (let step = 0; step < steps; step += 1) query = this.#tokens(query);
    } else {
      for (let step = 0; step < steps; step += 1) query = this.#tree(query, corpus);
      if (this.chance(0.1)) query = this.#tokens(query);
    }
    if (this.chance(level < 0.18 ? 0.9 : 0.3)) variables = this.#variables(query, variables);
    const operationName = this.chance(0.05) ? this.pick(["A", "B", "Q", "S", "Unheard", ""]) : undefined;
    return { query, variables, operationName };
  }

  #characters(text) {
    const characters = [...text];
    const place = this.#below(characters.length + 1);
    const change = this.#below(5);
    if (change === 0) characters.splice(place, 1 + this.#below(3));
    else if (change === 1) characters.splice(place, 0, this.pick(CHARACTERS));
    else if (change === 2) characters.splice(place, 1, this.pick(CHARACTERS));
    else if (change === 3) characters.splice(place, 0, ...characters.slice(place, place + 1 + this.#below(8)));
    else characters.splice(place, 2, ...characters.slice(place, place + 2).reverse());
    return characters.join("");
  }

  #tokens(text) {
    const tokens = text.match(TOKEN) ?? [];
    const solid = [...tokens.keys()].filter((place) => !/^[\s,]*$/.test(tokens[place]));
    if (solid.length === 0) return text + this.pick(NAMES);
    const place = this.pick(solid);
    const other = this.pick(solid);
    const pool = this.pick([NAMES, PUNCTUATORS, LITERALS, PUNCTUATORS, TYPES]);
    const change = this.#below(7);
    if (change === 0) tokens[place] = "";
    else if (change === 1) tokens[place] += ` ${tokens[place]}`;
    else if (change === 2) [tokens[place], tokens[other]] = [tokens[other], tokens[place]];
    else if (change === 3) tokens[place] += ` ${this.pick(pool)} `;
    else if (change === 4) tokens[place] = ` ${this.pick(pool)} `;
    else if (change === 5) tokens[place] = this.#alike(tokens[place]);
    else tokens.splice(Math.min(place, other), Math.abs(place - other) % 6);
    return tokens.join("");
  }

  /** A token of the kind of this one. */
  #alike(token) {
    if (/^[A-Za-z_]/.test(token)) return this.pick(NAMES);
    if (/^["\d-]/.test(token)) return this.pick(LITERALS);
    return this.pick(PUNCTUATORS);
  }

  /** Changes a part of the syntax tree; a text that has none is changed by its tokens. */
  #tree(text, corpus) {
    let document;
    try {
      document = parse(text, { noLocation: true });
    } catch {
      return this.#tokens(text);
    }
    const nodes = new Map();
    visit(document, {
      enter(node) {
        if (!nodes.has(node.kind)) nodes.set(node.kind, []);
        nodes.get(node.kind).push(node);
      },
    });
    const any = (...kinds) => this.pick(kinds.flatMap((kind) => nodes.get(kind) ?? [])) ?? null;
    // A copy: a part must not come to be within itself.
    const copy = (...kinds) => structuredClone(any(...kinds));
    const fields = nodes.get(Kind.FIELD) ?? [];
    const set = any(Kind.SELECTION_SET);
    const argued = any(Kind.FIELD, Kind.DIRECTIVE);
    const selected = structuredClone(set && this.pick(set.selections));
    const named = () => ({ kind: Kind.NAME, value: this.pick(NAMES) });
    const changes = [
      () => rename(any(Kind.FIELD), this.pick(fields)?.name.value ?? "ok"),
      () => rename(any(Kind.FIELD, Kind.ARGUMENT, Kind.NAMED_TYPE, Kind.VARIABLE, Kind.FRAGMENT_SPREAD), this.pick(NAMES)),
      () => rename(any(Kind.NAMED_TYPE), this.pick(TYPES).replace(/[![\]]/g, "")),
      () => rename(any(Kind.OPERATION_DEFINITION, Kind.FRAGMENT_DEFINITION, Kind.FRAGMENT_SPREAD), this.pick(["A", "B", "R", "M", "P", "O"])),
      () => replace(any(Kind.ARGUMENT, Kind.OBJECT_FIELD), "value", this.#literal()),
      () => replace(any(Kind.ARGUMENT, Kind.OBJECT_FIELD), "value", this.#literal()),
      () => replace(any(Kind.VARIABLE_DEFINITION), "type", parseType(this.pick(TYPES), { noLocation: true })),
      () => replace(any(Kind.VARIABLE_DEFINITION), "defaultValue", this.#constant()),
      () => replace(any(Kind.FIELD), "alias", this.chance(0.3) ? undefined : { kind: Kind.NAME, value: this.pick(["a", "b", "ok", "x"]) }),
      () => replace(any(Kind.FIELD), "selectionSet", this.chance(0.5) ? undefined : copy(Kind.SELECTION_SET)),
      () => replace(any(Kind.OPERATION_DEFINITION), "operation", this.pick(["query", "mutation", "subscription"])),
      () => replace(any(Kind.INLINE_FRAGMENT), "typeCondition", this.chance(0.3) ? undefined : { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: this.pick(TYPES).replace(/[![\]]/g, "") } }),
      () => remove(any(Kind.FIELD, Kind.DIRECTIVE), "arguments", this),
      () => remove(any(Kind.OPERATION_DEFINITION), "variableDefinitions", this),
      () => remove(any(Kind.SELECTION_SET), "selections", this),
      () => remove(any(Kind.OBJECT), "fields", this),
      () => remove(document, "definitions", this),
      () => append(argued, "arguments", { kind: Kind.ARGUMENT, name: named(), value: this.#literal() }),
      () => append(argued, "arguments", structuredClone(argued && this.pick(argued.arguments ?? []))),
      () => append(any(Kind.OBJECT), "fields", { kind: Kind.OBJECT_FIELD, name: named(), value: this.#literal() }),
      () => append(any(Kind.OPERATION_DEFINITION), "variableDefinitions", copy(Kind.VARIABLE_DEFINITION)),
      () => append(any(Kind.FIELD, Kind.OPERATION_DEFINITION, Kind.FRAGMENT_SPREAD, Kind.INLINE_FRAGMENT, Kind.FRAGMENT_DEFINITION, Kind.VARIABLE_DEFINITION), "directives", this.#directive()),
      () => append(set, "selections", copy(Kind.FIELD, Kind.INLINE_FRAGMENT, Kind.FRAGMENT_SPREAD)),
      () => append(set, "selections", copy(Kind.FIELD)),
      () => append(set, "selections", selected && { ...selected, directives: [] }),
      () => append(set, "selections", { kind: Kind.FRAGMENT_SPREAD, name: any(Kind.FRAGMENT_DEFINITION)?.name ?? named(), directives: [] }),
      () => append(set, "selections", { kind: Kind.FIELD, name: named(), arguments: [], directives: [] }),
      () => append(set, "selections", selected && { kind: Kind.INLINE_FRAGMENT, directives: [], selectionSet: { kind: Kind.SELECTION_SET, selections: [selected] } }),
      () => append(set, "selections", { kind: Kind.INLINE_FRAGMENT, typeCondition: any(Kind.NAMED_TYPE), directives: [], selectionSet: copy(Kind.SELECTION_SET) }),
    ];
    const change = this.#below(changes.length + 3);
    if (change === changes.length) return `${text}\n${this.pick(ADDED)}`;
    if (change === changes.length + 1) return `${text}\n${this.pick(corpus)[0]}`;
    if (change === changes.length + 2) return this.#argued(text);
    changes[change]();
    return print(document);
  }

  /** One field more of those that take arguments, with one of them. */
  #argued(text) {
    const value = this.pick(LITERALS);
    const field = this.pick([
      `steps(after: ${value}) { index }`, `x: triggerDinoaiAgentRun(message: ${value}) { ok }`,
      `x: dinoaiAgentRun(agentSessionId: ${value}) { ok }`, `node(id: ${value}) { id }`,
      `anyone(where: ${value}) { __typename }`, `numbers(matrix: ${value}, two: ${this.pick(LITERALS)})`,
      `pets(ids: ${value}, styles: ${this.pick(LITERALS)}) { __typename }`, `flag(on: ${value})`,
      `triggerDinoaiAgentRun(message: "m", slack: ${value}) { ok }`,
    ]);
    return text.replace(/\{/, `{ ${field}`);
  }

  #literal() {
    return parseValue(this.pick(LITERALS), { noLocation: true });
  }

  #constant() {
    return this.chance(0.3) ? undefined : parseValue(this.pick(LITERALS.filter((it) => !it.includes("$"))), { noLocation: true });
  }

  #directive() {
    const text = `{ a ${this.pick(DIRECTIVES)} }`;
    return this.pick(parse(text, { noLocation: true }).definitions[0].selectionSet.selections[0].directives);
  }

  /** Other values for the variables that a document names. */
  #variables(query, known) {
    const names = new Set([...query.matchAll(/\$([A-Za-z_]\w*)/g)].map(([, name]) => name));
    // The values as they are written, not as they are parsed.
    const values = new Map();
    for (const [, name, value] of known.matchAll(/"(\w+)":(\[.*?\]+(?=[,}])|\{.*\}(?=[,}])|[^,]*?)(?=,"|\}$)/g)) {
      values.set(name, value);
    }
    for (const name of names) {
      if (this.chance(0.5)) values.set(name, this.pick(VALUES));
      else if (this.chance(0.2)) values.delete(name);
    }
    if (this.chance(0.1)) values.set("unheard", this.pick(VALUES));
    const text = `{${[...values].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
    try {
      JSON.parse(text);
      return text;
    } catch {
      return known;
    }
  }
}

function rename(node, name) {
  if (node?.name) node.name = { kind: Kind.NAME, value: name };
}

function replace(node, key, value) {
  if (node) node[key] = value;
}

function remove(node, key, mutator) {
  const items = node?.[key];
  if (items?.length > 0) node[key] = items.filter((item) => item !== mutator.pick(items));
}

function append(node, key, item) {
  if (node && item) node[key] = [...(node[key] ?? []), item];
}
