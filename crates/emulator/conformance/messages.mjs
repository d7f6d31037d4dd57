// Refused documents are refused in the reference implementation's words, as it says them if
// suggestions are hidden, and a document whose root field is skipped executes nothing.

import { buildClientSchema, getIntrospectionQuery, getVariableValues, parse, validate } from "graphql";
import { Checks, start } from "./emulator.mjs";

const REFUSED = [
  "{ nothing }",
  "{ dinoaiAgentRun { ok } }",
  "{ dinoaiAgentRun(agentSessionId: 1) { ok } }",
  '{ dinoaiAgentRun(agentSessionId: "x") }',
  '{ dinoaiAgentRun(agentSessionId: "x") { ok { deeper } } }',
  '{ dinoaiAgentRun(agentSessionId: "x", after: 1) { ok } }',
  '{ dinoaiAgentRun(agentSessionId: "x", agentSessionId: "y") { ok } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { unheardOf } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { steps(unheardOf: 1) { index } } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { ok @unheardOf } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { ok @include } }',
  "query ($id: String) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query ($id: Int!) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query ($id: Unheard!) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query ($id: String!) { __typename }",
  "{ dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query Named { dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query A { __typename } query A { __typename }",
  "{ __typename } query A { __typename }",
  "{ ...Missing }",
  "{ __typename } fragment Unused on Query { __typename }",
  "{ ...F } fragment F on Mutation { __typename }",
  "{ ... on Unheard { __typename } }",
  "{ a: __typename a: dinoaiAgentRun(agentSessionId: \"x\") { ok } }",
  "mutation { triggerDinoaiAgentRun(slack: { channel: \"C\" }) { ok } }",
  "mutation { triggerDinoaiAgentRun(slack: { channel: \"C\", threadTs: \"1\", more: 1 }) { ok } }",
  "mutation { triggerDinoaiAgentRun(message: 5) { ok } }",
  "mutation { triggerDinoaiAgentRun(message: [\"m\"]) { ok } }",
  "mutation { triggerDinoaiAgentRun(message: WORD) { ok } }",
  "mutation { triggerDinoaiAgentRun(slack: 5) { ok } }",
  "mutation { triggerDinoaiAgentRun(slack: { channel: null, threadTs: \"1\" }) { ok } }",
  "{ dinoaiAgentRun(agentSessionId: null) { ok } }",
  '{ dinoaiAgentRun(agentSessionId: "x") { messages } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { status { name } } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { childSessionIds { id } } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { steps(after: "1") { index } } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { steps(after: 1.5) { index } } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { steps(after: 99999999999) { index } } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { steps(includeToolIo: 1) { index } } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { steps(maxChars: true) { index } } }',
  "query Named($id: String!) { __typename }",
  "query A { dinoaiAgentRun(agentSessionId: $id) { ok } } query B($unused: Int) { __typename }",
  "query Named { ...F } fragment F on Query { dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query ($id: DinoAiAgentRun) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query ($id: String!, $id: String!) { dinoaiAgentRun(agentSessionId: $id) { ok } }",
  "query ($id: String = 5) { __typename @include(if: $id) }",
  '{ a: dinoaiAgentRun(agentSessionId: "x") { ok } a: dinoaiAgentRun(agentSessionId: "y") { ok } }',
  '{ dinoaiAgentRun(agentSessionId: "x") { ok @skip(if: true) @skip(if: true) } }',
  '{ dinoaiAgentRun(agentSessionId: "x") @deprecated { ok } }',
  "{ ...F } fragment F on Query { ...F }",
  "{ ...F } fragment F on String { length }",
  "{ ... on Mutation { __typename } }",
  "{ ...F } fragment F on Query { __typename } fragment F on Query { __typename }",
  "type Query { a: Int }",
  "{ __typename } type More { a: Int }",
];

const RUN = "query ($id: String!) { dinoaiAgentRun(agentSessionId: $id) { ok } }";
const STEPS = `query ($after: Int, $io: Boolean, $id: String = "x") {
  dinoaiAgentRun(agentSessionId: $id) { steps(after: $after, includeToolIo: $io) { index } }
}`;
const TRIGGER = `mutation ($slack: DinoAiAgentSlackInput, $message: String) {
  triggerDinoaiAgentRun(message: $message, slack: $slack) { ok }
}`;
const VARIABLES = [
  [RUN, {}],
  [RUN, { id: null }],
  [RUN, { id: 5 }],
  [RUN, { id: true }],
  [RUN, { id: ["x"] }],
  [RUN, { id: { x: "y" } }],
  [STEPS, { after: "1" }],
  [STEPS, { after: 1.5 }],
  [STEPS, { after: 99999999999 }],
  [STEPS, { io: 1 }],
  [STEPS, { after: "1", io: "x" }],
  [STEPS, { after: [[[1]]], io: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, { a: { b: { c: 1 } } }] }],
  [STEPS, { after: { a: [[1], {}, []], b: { c: "d\"" } }, io: 1.0 }],
  [TRIGGER, { slack: "C" }],
  [TRIGGER, { slack: {} }],
  [TRIGGER, { slack: { channel: "C" } }],
  [TRIGGER, { slack: { channel: "C", threadTs: 1 } }],
  [TRIGGER, { slack: { channel: null, threadTs: "1" } }],
  [TRIGGER, { slack: { channel: "C", more: 1, threadTs: "1" } }],
  [TRIGGER, { message: 5 }],
];

const emulator = await start();
const checks = new Checks();
try {
  const answer = await emulator.ask(getIntrospectionQuery({ descriptions: false }));
  const schema = buildClientSchema(answer.data);
  for (const document of REFUSED) {
    const expected = validate(schema, parse(document), undefined, {
      maxErrors: 100,
      hideSuggestions: true,
    }).map((error) => error.message);
    const answer = await emulator.ask(document, {});
    const found = (answer.errors ?? []).map((error) => error.message);
    const ok =
      expected.length > 0 &&
      !("data" in answer) &&
      JSON.stringify(expected.sort()) === JSON.stringify(found.sort());
    checks.check(document, ok, `\n  expected ${JSON.stringify(expected)}\n  found    ${JSON.stringify(found)}`);
  }
  for (const [document, variables] of VARIABLES) {
    const { variableDefinitions } = parse(document).definitions[0];
    const { errors } = getVariableValues(schema, variableDefinitions, variables, {
      maxErrors: 50,
      hideSuggestions: true,
    });
    const expected = (errors ?? []).map((error) => error.message);
    const answer = await emulator.ask(document, variables);
    const found = (answer.errors ?? []).map((error) => error.message);
    const name = `${document.slice(0, 20)}… with ${JSON.stringify(variables)}`;
    const ok = expected.length > 0 && !("data" in answer) && `${expected}` === `${found}`;
    checks.check(name, ok, `\n  expected ${JSON.stringify(expected)}\n  found    ${JSON.stringify(found)}`);
  }
  const skipped = await emulator.ask(
    'mutation { triggerDinoaiAgentRun(message: "m") @skip(if: true) { ok } }',
  );
  checks.check("a skipped root field", JSON.stringify(skipped) === '{"data":{}}');
  const origin = new URL(emulator.url).origin;
  const runs = await (await fetch(`${origin}/control/runs`)).json();
  checks.check("a skipped root field executes nothing", runs.length === 0);
} finally {
  emulator.stop();
}
checks.close();
