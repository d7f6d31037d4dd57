// The documents that are mutated, with values for their variables as JSON texts: what `1.0` becomes
// is lost once it is parsed.

/** Stands for the id of the run that is there: as long as one. */
export const RUN = "runrunrunrunrun0";

/** Documents for the API's own schema, beside those of the library. */
export const API = [
  ['mutation ($b: Boolean = true, $id: String = "x") { sendDinoaiAgentMessage(agentSessionId: $id, message: "m") { ok ... { agentSessionId @include(if: $b) } } again: sendDinoaiAgentMessage(agentSessionId: "RUN", message: "n") { ok status } }', '{"id":"RUN","b":null}'],
  ['mutation ($id: String = "x", $c: String = "C") { a: stopDinoaiAgentRun(agentSessionId: $id) { ok status } triggerDinoaiAgentRun(message: "m", slack: { channel: $c, threadTs: "1" }, baseBranch: "dev", modelFamily: "best") { ok warning } b: stopDinoaiAgentRun(agentSessionId: "RUN") { status } }', '{"id":"RUN","c":null}'],
  ['query ($id: String!, $b: Boolean = false, $io: Boolean = true, $max: Int) { dinoaiAgentRun(agentSessionId: $id) { status } again: dinoaiAgentRun(agentSessionId: $id) { ok status messages { ts role content @skip(if: $b) } childSessionIds workspaceUid } last: dinoaiAgentRun(agentSessionId: $id) { status messages { said: content } steps(includeToolIo: $io, maxChars: $max) { index role toolName toolInput content truncated } startupSteps { label done @skip(if: $b) } } }', '{"id":"RUN"}'],
  ['query ($b: Boolean = false, $n: String = "Query") { __type(name: $n) { name kind isOneOf fields(includeDeprecated: $b) { name @skip(if: $b) args { name defaultValue isDeprecated } } inputFields(includeDeprecated: true) { name deprecationReason } } __schema { description directives(includeDeprecated: true) { name isDeprecated deprecationReason args(includeDeprecated: $b) { name } } types { name specifiedByURL enumValues(includeDeprecated: true) { name isDeprecated } possibleTypes { name } interfaces { name } ofType { name } } } }', '{"b":null}'],
  ['mutation ($b: Boolean = false) { triggerDinoaiAgentRun(message: "m") @skip(if: $b) { ok } }', '{"b":null}'],
  ['mutation { triggerDinoaiAgentRun(message: "m") { ok agentSessionId status warning } }'],
  ['mutation T($m: String = "hello", $a: String) { first: triggerDinoaiAgentRun(agent: $a, message: $m) { ...T } second: triggerDinoaiAgentRun(message: """\n  two\n    lines\n""") { ...T } } fragment T on TriggerDinoAiAgentRun { ok agentSessionId }', '{"m":"x"}'],
  ['mutation ($c: String!, $s: DinoAiAgentSlackInput = { channel: "C", threadTs: "1" }) { triggerDinoaiAgentRun(message: "\\u00e9\\n\\"\\u{1F600}\\uD83D\\uDE00", slack: { channel: $c, threadTs: "1.2" }) { ok } again: triggerDinoaiAgentRun(message: "again", slack: $s) { ok } }', '{"c":"C"}'],
  ['mutation ($skip: Boolean!) { a: triggerDinoaiAgentRun(message: "a") @skip(if: $skip) { ok } b: triggerDinoaiAgentRun(message: "b") @include(if: $skip) { ok } }', '{"skip":true}'],
  ['query Q($id: String!, $after: Int, $io: Boolean = true, $max: Int = 10) { dinoaiAgentRun(agentSessionId: $id) { status messages { ts role content } steps(after: $after, includeToolIo: $io, maxChars: $max) { index role toolName truncated } startupSteps { label done } } }', '{"id":"RUN","after":1,"io":false}'],
  ['{ a: dinoaiAgentRun(agentSessionId: "RUN") { ...R } b: dinoaiAgentRun(agentSessionId: "b") { ...R ... on DinoAiAgentRun { messages { ...M } } } } fragment R on DinoAiAgentRun { ok status messages { ...M } } fragment M on DinoAiAgentMessage { ts ... { role } ... @include(if: true) { content } }'],
  ['query { __typename __schema { queryType { name fields { name args { name defaultValue type { kind ofType { name } } } } } types { kind name } directives { name locations isRepeatable } } __type(name: "Query") { name description } }'],
  ['query A { __typename } query B($id: String!) { dinoaiAgentRun(agentSessionId: $id) { ok __typename } } mutation C { sendDinoaiAgentMessage(agentSessionId: "RUN", message: "m") { ok } }', '{"id":"RUN"}'],
  ['mutation S($id: String!) { sendDinoaiAgentMessage(agentSessionId: $id, message: "m",) { ok status } stopDinoaiAgentRun(agentSessionId: $id) { ok } }', '{"id":"RUN"}'],
  ['# a comment, with "quotes" { and } braces\n"A description" query Described("of a variable" $id: String!) { dinoaiAgentRun(agentSessionId: $id) { ok } }\n\n"""\nof a fragment\n"""\nfragment Unused on DinoAiAgentRun { ok }', '{"id":"RUN"}'],
  ['{ dinoaiAgentRun(agentSessionId: "RUN") { ok ok ok: ok steps { index } steps { role index: index } s: steps(after: -1, maxChars: 0) { content } } }'],
  ['type Query { a(b: Int = 1 @deprecated): [String!]! @deprecated(reason: "r") } extend type Query { c: Int } enum E { A B } input I { a: Int = 1 } union U = | Query directive @d(a: Int) repeatable on FIELD | QUERY scalar S @specifiedBy(url: "u") interface J implements K & L { a: Int } schema { query: Query }'],
].map((texts) => texts.map((text) => text.replaceAll("RUN", RUN)));

/** Documents for `everything.graphql`. */
export const EVERYTHING = [
  ['query ($id: ID!, $style: Style = LONG) { node(id: $id) { __typename id name(style: $style) ... on Person { age friends(where: { required: true, ids: ["1", 2], style: LONG, weight: 1, not: { required: false } }) { id } } ... on Owned { owner { ...P } } ... on Dog { barks } ... on Cat { barked: barks } } } fragment P on Person { name age pets { __typename ... on Dog { tricks } ... on Node { id } } }', '{"id":5,"style":"SHORT"}'],
  ['query ($ids: [ID!]!, $styles: [Style], $weight: Float) @tag(name: "q") @tag(name: "q2", weight: 2) { pets(ids: $ids, styles: $styles, weight: $weight) @tag(name: "f") @once { ... on Dog @tag(name: "i") { age name } ... on Cat { years: age name } ...O @tag(name: "s") } } fragment O on Owned @once(ids: 5) { id owner { age } }', '{"ids":["a",1],"styles":"LONG","weight":3}'],
  ['query ($where: Where!, $any: Anything, $flag: Boolean = true) { anyone(where: $where, any: $any) { ... on Person { n: name } ... on Node { n: name } } other: anyone(where: { required: $flag, any: [1, { a: $any }], all: [[1], 2, null] }) { __typename } flag(on: $flag) }', '{"where":{"required":true,"ids":"one","all":[[1],2,null],"not":{"required":false,"limit":1.0}},"any":{"b":[1,{}],"1":2}}'],
  ['query ($matrix: [[Int!]]!, $one: Int = 1, $two: Float = 2) { numbers(matrix: $matrix, one: $one, two: $two) more: numbers(matrix: [[1, 2], 3, null], one: 2147483647, two: 1e3) }', '{"matrix":[[1,2.0],3],"one":1e2,"two":-0.0}'],
  ['query ($w: [Where!], $x: Where = { required: true, ids: 1 }) { people(where: $w) { pets { ...PetF } } p: people(where: [{ required: true }, $x]) { friends(first: 2) { pets { ...PetF } } } } fragment PetF on Pet { ... on Dog { x: name(style: SHORT) owner { name } } ... on Cat { x: name(style: LONG) owner { id } } }', '{"w":{"required":true}}'],
  ['mutation ($id: ID = 7, $style: Style!) @once { triggerDinoaiAgentRun { ok } rename(id: $id, style: $style) { ...N } } fragment N on Node { id ... on Person { age } ... on Dog { dogAge: age } }', '{"style":"LONG"}'],
  ['subscription S($id: ID) { changed(id: $id) { id } } query Q { owned { ... on Dog { id } ... on Node { name } ...Own } } fragment Own on Owned { owner { id } }', '{"id":null}'],
  ['query ($v: Int! @tag(name: "v")) { a: numbers(matrix: [[$v]]) flag(on: true) flag flagged: flag(on: false) anyone(where: { required: true, limit: $v, any: { deep: [$v, "s", 1.5, true, null, WORD] } }) { __typename } }', '{"v":1.0}'],
];

/** Values for variables. */
export const VALUES = [
  JSON.stringify(RUN), "null",
  "1", "1.0", "1e2", "-0.0", "0", "-1", "1.5", "2147483647", "2147483648", "-2147483648", "-2147483649",
  "9007199254740993", "1e21", "1e-7", "123456789012345678901", "true", "false", "null", '"x"', '""', '"1"',
  '"LONG"', '"NOPE"', "[]", "{}", "[null]", "[1,2]", '["a",1]', "[[1],[2.0]]", "[[[1]]]", '{"channel":"C"}',
  '{"channel":"C","threadTs":"1"}', '{"channel":"C","threadTs":1,"more":true}', '{"required":true}',
  '{"required":true,"limit":null}', '{"required":1,"unheard":[1,{"a":{"b":{"c":1}}}]}',
  '{"b":1,"10":2,"9":3,"a":[1,2,3,4,5,6,7,8,9,10,11,12]}', '"\\u00e9\\ud83d\\ude00\\n\\u0001\\u007f"',
];

/** Names that are put in the place of others. */
export const NAMES = [
  "ok", "status", "messages", "steps", "dinoaiAgentRun", "triggerDinoaiAgentRun", "agentSessionId", "message",
  "agent", "slack", "after", "content", "index", "id", "name", "owner", "age", "barks", "tricks", "pets",
  "friends", "node", "anyone", "numbers", "flag", "where", "style", "ids", "any", "required", "if", "on",
  "true", "false", "null", "query", "mutation", "subscription", "fragment", "type", "extend", "unheardOf",
  "__typename", "__schema", "__type", "_", "skip", "include", "deprecated", "tag", "once", "oneOf",
  "LONG", "SHORT", "Query", "fields", "interfaces",
];

/** Names of types, written as a variable's type may be. */
export const TYPES = [
  "String", "String!", "Int", "Int!", "Float", "Boolean", "Boolean!", "ID", "ID!", "[Int]", "[[Int!]]!", "[String!]",
  "[ID!]!", "Style", "[Style]", "Where", "Where!", "[Where!]", "Anything", "DinoAiAgentSlackInput",
  "DinoAiAgentSlackInput!", "DinoAiAgentRun", "DinoAiAgentMessage", "DinoAiAgentRunStatus", "Query", "Mutation",
  "Person", "Dog", "Cat", "Pet", "Node", "Owned", "Anyone", "Unheard", "__Type",
];

/** Values as documents write them. */
export const LITERALS = [
  "1", "-1", "0", "1.5", "1e3", "2147483648", "99999999999", '"text"', '""', '"""block"""', '"""\n  a\n    b"""',
  '"""ends in \\""""""', '"\\u0041\\t"', "true", "false", "null", "WORD", "LONG", "[]", "{}", "[1, 2]", '["a"]', "[[1]]",
  '[null, "x"]', "{ channel: \"C\" }", '{ channel: "C", threadTs: "1" }', "{ required: true }", "{ a: 1, a: 2 }",
  "$id", "$unheard", JSON.stringify(RUN), "$b", "[$id]", "{ required: $id }", "{ channel: $id, threadTs: [$id] }",
];

/** What is put in the place of characters. */
export const CHARACTERS = [
  '"', '"""', "\\", "\\u", "\\u{110000}", "\\u{41}", "\\ud800", "\\ud83d\\ude00", "\\x", "\u0000", "\u0007", "\ufeff", "#",
  "'", "\u2028", "é", "😀", "0", "7", "00", ".", "..", "...", "-", "+", "e", "1a", "0x", "\r", "\n", "\r\n", "$", "@", "!", "&",
  "|", "=", ":", "(", ")", "[", "]", "{", "}", ",", " ", "\t", "\u00a0", "\u000b", "\u000c", "%", "~", "`", "/", "_", "a", "{}", "()", "[]",
];
