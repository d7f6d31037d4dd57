// Mutated documents, given to the emulator and to the reference implementation: both refuse the same
// ones, for the same reasons, and what the emulator executes is what the reference would.
//
//   node differential.mjs <folder of documents> <everything.graphql> [--seed N] [--documents N]

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import {
  buildASTSchema,
  buildClientSchema,
  execute,
  getIntrospectionQuery,
  getOperationAST,
  lexicographicSortSchema,
  parse,
  printSchema,
  validate,
  visit,
} from "graphql";
import { API, EVERYTHING } from "./corpus.mjs";
import { Checks, start } from "./emulator.mjs";
import { Mutator } from "./mutator.mjs";

/** The least share of each verdict, and the fewest kinds of validation errors: else nothing is tested. */
const LEAST = { accepted: 0.12, syntax: 0.15, validation: 0.25, variables: 0.04 };
const FEWEST_KINDS = 45;
/** How many requests are under way at once. */
const LANES = 8;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "20261125" },
    documents: { type: "string", default: "3200" },
  },
});
const [folder, everything] = positionals;
const checks = new Checks();
const counts = { accepted: 0, syntax: 0, validation: 0, operation: 0, variables: 0 };
const kinds = new Set();
/** The texts that differ from those of the corpus. */
const mutated = new Set();

/** What the reference makes of a request: a verdict, its messages, and the runs that it would start. */
function judge(schema, { query, variables, operationName }) {
  let document;
  try {
    document = parse(query);
  } catch {
    return { verdict: "syntax" };
  }
  const options = { maxErrors: 100, hideSuggestions: true };
  let wrong;
  try {
    wrong = validate(schema, document, undefined, options);
  } catch {
    // The reference does so where a subscription skips a field by a variable.
    return { verdict: "validation" };
  }
  if (wrong.length > 0) return { verdict: "validation", messages: texts(wrong) };
  const runs = [];
  const { data, errors } = execute({
    schema,
    document,
    operationName,
    variableValues: JSON.parse(variables),
    hideSuggestions: true,
    rootValue: {
      triggerDinoaiAgentRun({ agent, message, slack, baseBranch, modelFamily }) {
        if (!agent && !message) return null;
        const known = (text) => text || null;
        const channel = slack && { channel: slack.channel, thread_ts: slack.threadTs };
        runs.push([known(agent), known(message), channel ?? null, known(baseBranch), known(modelFamily)]);
        return null;
      },
    },
  });
  if (data !== undefined && !errors?.some(({ message }) => message.startsWith("Schema is not configured"))) {
    // The emulator's one departure.
    const isSubscription = getOperationAST(document, operationName)?.operation === "subscription";
    if (isSubscription) return { verdict: "operation", messages: ["Subscriptions are not served."] };
    return { verdict: "accepted", runs };
  }
  const verdict = errors[0].message.startsWith("Variable ") ? "variables" : "operation";
  return { verdict, messages: texts(errors) };
}

function texts(errors) {
  return [...new Set(errors.map(({ message }) => message))].sort();
}

async function each(items, run) {
  const ahead = items.values();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (const item of ahead) await run(item);
    }),
  );
}

/** The runs that were triggered, as the reference lists them. */
async function started(emulator) {
  const runs = await (await fetch(new URL("/control/runs", emulator.url))).json();
  return runs
    .filter((run) => run.parent === null)
    .map((run) => [run.agent, run.message, run.slack, run.base_branch, run.model_family]);
}

function sorted(schema) {
  return printSchema(lexicographicSortSchema(schema));
}

function withoutDescriptions(sdl) {
  return visit(parse(sdl), { enter: (node) => ("description" in node ? { ...node, description: undefined } : undefined) });
}

async function compare(title, corpus, flags, sdl, count, seed) {
  const emulator = await start(...flags);
  try {
    const told = await emulator.ask(getIntrospectionQuery({ descriptions: false, directiveIsRepeatable: true }));
    const schema = buildClientSchema(told.data);
    const mutator = new Mutator(seed);
    const requests = Array.from({ length: count }, () => mutator.request(corpus));
    const originals = new Set(corpus.map(([text]) => text));
    for (const { query } of requests) if (!originals.has(query)) mutated.add(query);
    const judged = requests.map((request) => ({ request, expected: judge(schema, request) }));
    const show = (request) => `\n  ${JSON.stringify(request)}`;
    const ask = async ({ request, expected }) => {
      counts[expected.verdict] += 1;
      const body = JSON.stringify({ query: request.query, operationName: request.operationName });
      const answer = await emulator.post(`${body.slice(0, -1)},"variables":${request.variables}}`);
      const found = texts(answer.errors ?? []);
      const refused = !("data" in answer);
      let ok = refused === (expected.verdict !== "accepted");
      if (ok && expected.messages) ok = isDeepStrictEqual(found, expected.messages);
      for (const message of (expected.verdict === "validation" && expected.messages) || []) {
        kinds.add(message.replaceAll(/".*"|\$\w+|: .*|found .*/gs, "…"));
      }
      const reason = `${show(request)}\n  expected ${JSON.stringify(expected)}\n  found    ${JSON.stringify(answer).slice(0, 600)}`;
      checks.check(`${title}: ${expected.verdict}`, ok, reason);
    };
    const [accepted, refused] = [[], []];
    for (const one of judged) (one.expected.verdict === "accepted" ? accepted : refused).push(one);
    await each(refused, ask);
    checks.check(`${title}: nothing that is refused starts a run`, (await started(emulator)).length === 0);
    await each(accepted, ask);
    const order = (runs) => runs.map((run) => JSON.stringify(run)).sort();
    const expected = order(accepted.flatMap(({ expected: { runs } }) => runs));
    const found = order(await started(emulator));
    const differ = expected.filter((run, place) => run !== found[place]).slice(0, 3);
    checks.check(`${title}: the runs are those of the reference`, isDeepStrictEqual(found, expected), `${found.length} for ${expected.length}: ${differ}`);
    checks.check(`${title}: there are runs`, expected.length > 0);
    checks.check(`${title}: the schema is the SDL's`, sorted(schema) === sorted(buildASTSchema(withoutDescriptions(sdl))));
  } finally {
    emulator.stop();
  }
}

const begun = performance.now();
const seed = Number(values.seed);
const documents = Number(values.documents);
const library = readdirSync(folder)
  .filter((name) => name.endsWith(".graphql") && name !== "schema.graphql")
  .sort()
  .map((name) => [readFileSync(join(folder, name), "utf8"), '{"id":"x","agentSessionId":"x","message":"m"}']);
const current = readFileSync(join(everything, "../../backends/current.graphql"), "utf8");
const share = Math.ceil(documents * 0.7);
await compare("The API", [...library, ...API], [], current, share, seed);
const flags = ["--backend", everything];
await compare("Everything", EVERYTHING, flags, readFileSync(everything, "utf8"), documents - share, seed + 1);
for (const [verdict, least] of Object.entries(LEAST)) {
  checks.check(`at least ${100 * least} % ${verdict}`, counts[verdict] >= least * documents, `but ${counts[verdict]}`);
}
const fewest = Math.min(2000, 0.65 * documents);
checks.check(`at least ${fewest} documents that are not as they were, each once`, mutated.size >= fewest, `but ${mutated.size}`);
checks.check(`at least ${FEWEST_KINDS} kinds of validation errors`, kinds.size >= FEWEST_KINDS, `but ${kinds.size}`);
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(
  `Seed ${seed}, ${documents} requests with ${mutated.size} mutated documents in ${seconds} s: ${counts.accepted} accepted; refused ${counts.syntax} for syntax, ` +
    `${counts.validation} by validation (${kinds.size} kinds of errors), ${counts.operation} for the operation, ${counts.variables} for variables.`,
);
checks.close();
