// Mutated documents, given to the emulator and to the reference implementation: both refuse the same
// ones, for the same reasons, and answer the others alike: the same data, the same errors at the same
// places, and the same runs, follow-ups and stops.
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
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLSchema,
  isIntrospectionType,
  lexicographicSortSchema,
  parse,
  printSchema,
  validate,
} from "graphql";
import { API, EVERYTHING, RUN } from "./corpus.mjs";
import { Checks, start } from "./emulator.mjs";
import { Mutator } from "./mutator.mjs";
import { resolve, STARTED, TIMESTAMP, World } from "./world.mjs";

/** The least share of each verdict, and the fewest kinds of validation errors: else nothing is tested. */
const LEAST = { accepted: 0.12, syntax: 0.15, validation: 0.25, variables: 0.04 };
const FEWEST_KINDS = 45;
/** The least that 3,200 documents do: runs started, follow-ups sent, stops, errors of fields. */
const LEAST_DONE = { started: 60, sent: 20, stopped: 10, failed: 60 };
/** How many requests are in flight at once. */
const LANES = 8;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "20261125" },
    documents: { type: "string", default: "3200" },
  },
});
const [folder, everything] = positionals;
/** All that the reference can ask for. */
const ALL = {
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  experimentalDirectiveDeprecation: true,
  oneOf: true,
};
/** What the run was asked that is there before a document is executed. */
const MESSAGE = "Check it.";
/** How many documents are executed between two resets: the control path lists all runs. */
const BATCH = 20;
const checks = new Checks();
const counts = { accepted: 0, syntax: 0, validation: 0, operation: 0, variables: 0 };
/** What the documents that are accepted did. */
const did = { started: 0, sent: 0, stopped: 0, failed: 0 };
const kinds = new Set();
/** The texts that differ from those of the corpus. */
const mutated = new Set();

/** What the reference makes of a request: a verdict, with its messages or with what it answers. */
function judge(schema, world, { query, variables, operationName }) {
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
    // The reference does so if a subscription skips a field by a variable.
    return { verdict: "validation" };
  }
  if (wrong.length > 0) return { verdict: "validation", messages: texts(wrong) };
  const isSubscription = getOperationAST(document, operationName)?.operation === "subscription";
  const { data, errors } = execute({
    schema,
    document,
    operationName,
    variableValues: JSON.parse(variables),
    hideSuggestions: true,
    rootValue: world.root,
    fieldResolver: resolve,
  });
  if (data !== undefined && !errors?.some(({ message }) => message.startsWith("Schema is not configured"))) {
    // The one thing that the emulator does otherwise.
    if (isSubscription) return { verdict: "operation", messages: ["Subscriptions are not served."] };
    // Without prototypes.
    return { verdict: "accepted", data: JSON.parse(JSON.stringify(data)), errors: placed(errors), runs: world.listed() };
  }
  const verdict = errors[0].message.startsWith("Variable ") ? "variables" : "operation";
  return { verdict, messages: texts(errors) };
}

/** Errors with their paths, in one order. */
function placed(errors = []) {
  return errors.map(({ message, path = [] }) => JSON.stringify({ message, path })).sort();
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

/** The runs of the emulator, in the form of the reference's. */
async function listed(emulator) {
  const runs = await (await fetch(new URL("/control/runs", emulator.url))).json();
  return runs.map((run) => ({
    id: run.session_id,
    order: [run.agent, run.message, run.slack, run.base_branch, run.model_family],
    status: run.status,
    followUps: run.follow_ups,
    stops: run.stops_seconds.length,
    said: run.messages.map(({ role, content }) => [role, content]),
  }));
}

/** What was found, with what the emulator makes up as the reference has it. */
function alike(expected, found, ids) {
  if (expected === TIMESTAMP && typeof found === "number" && found > 1.7e9) return TIMESTAMP;
  if (typeof expected === "string" && expected.startsWith(STARTED)) {
    const known = ids.get(expected) ?? found;
    ids.set(expected, known);
    return known === found ? expected : found;
  }
  if (Array.isArray(expected) && Array.isArray(found)) return found.map((it, place) => alike(expected[place], it, ids));
  if (expected && found && typeof expected === "object" && typeof found === "object") {
    return Object.fromEntries(Object.entries(found).map(([key, it]) => [key, alike(expected[key], it, ids)]));
  }
  return found;
}

function sorted(schema) {
  return printSchema(lexicographicSortSchema(schema));
}

/** The SDL as the reference has it; with the scalars that a whole API mentions. */
function schemaOf(sdl) {
  const config = buildASTSchema(parse(sdl)).toConfig();
  const types = config.types.filter((type) => !isIntrospectionType(type));
  const further = [GraphQLInt, GraphQLFloat, GraphQLID].filter((type) => !types.includes(type));
  return new GraphQLSchema({ ...config, types: [...types, ...further] });
}

async function compare(title, corpus, flags, sdl, count, seed) {
  const emulator = await start("--scenario", join(everything, "../world.yml"), ...flags);
  try {
    const introspection = await emulator.ask(getIntrospectionQuery(ALL));
    const schema = schemaOf(sdl);
    const introspected = buildClientSchema(introspection.data);
    checks.check(`${title}: the schema is the SDL's`, sorted(introspected) === sorted(schema));
    const mutator = new Mutator(seed);
    const requests = Array.from({ length: count }, () => mutator.request(corpus));
    const originals = new Set(corpus.map(([text]) => text));
    for (const { query } of requests) if (!originals.has(query)) mutated.add(query);
    const send = ({ query, operationName, variables }) => {
      const body = JSON.stringify({ query, operationName });
      return emulator.post(`${body.slice(0, -1)},"variables":${variables}}`);
    };
    const fails = (request, expected, found) =>
      `\n  ${JSON.stringify(request)}\n  expected ${JSON.stringify(expected)}\n  found    ${JSON.stringify(found).slice(0, 900)}`;
    const refuse = async ({ request, expected }) => {
      const answer = await send(request);
      const found = texts(answer.errors ?? []);
      let ok = !("data" in answer);
      if (ok && expected.messages) ok = isDeepStrictEqual(found, expected.messages);
      for (const message of (expected.verdict === "validation" && expected.messages) || []) {
        kinds.add(message.replaceAll(/".*"|\$\w+|: .*|found .*/gs, "…"));
      }
      checks.check(`${title}: ${expected.verdict}`, ok, ok || fails(request, expected, answer));
    };
    // Each with a run of its own, and all of them at once.
    const accept = async (batch) => {
      await emulator.reset();
      const own = await Promise.all(batch.map(() => emulator.trigger(MESSAGE)));
      const asked = batch.map(({ request, expected }, place) =>
        JSON.parse(JSON.stringify({ request, expected }).replaceAll(RUN, own[place])),
      );
      const answers = await Promise.all(asked.map(({ request }) => send(request)));
      const runs = new Map((await listed(emulator)).map((run) => [run.id, run]));
      const anonymous = [];
      for (const [place, { request, expected }] of asked.entries()) {
        const ids = new Map([[own[place], own[place]]]);
        const data = alike(expected.data, answers[place].data, ids);
        const errors = placed(answers[place].errors);
        // A run whose id the document did not ask for may be any of the batch.
        const known = expected.runs.filter(({ id }) => ids.has(id));
        anonymous.push(...expected.runs.filter(({ id }) => !ids.has(id)));
        const found = known.map(({ id }) => ({ ...runs.get(ids.get(id)), id }));
        for (const id of ids.values()) runs.delete(id);
        // The ids are others than they were when these were sorted.
        const same = { data: expected.data, errors: expected.errors.sort(), runs: known };
        const ok = isDeepStrictEqual({ data, errors, runs: found }, same);
        checks.check(`${title}: accepted`, ok, ok || fails(request, same, { data, errors, runs: found }));
        did.started += expected.runs.length - 1;
        did.sent += expected.runs[0].followUps.length;
        did.stopped += expected.runs[0].stops;
        did.failed += errors.length;
      }
      const order = (all) => all.map((run) => JSON.stringify({ ...run, id: null })).sort();
      const [expected, found] = [order(anonymous), order([...runs.values()])];
      checks.check(`${title}: the runs of a batch`, isDeepStrictEqual(found, expected), `\n  ${expected}\n  ${found}`);
    };
    const accepted = [];
    const refused = [];
    for (const request of requests) {
      const expected = judge(schema, new World(RUN, MESSAGE), request);
      counts[expected.verdict] += 1;
      (expected.verdict === "accepted" ? accepted : refused).push({ request, expected });
    }
    await each(refused, refuse);
    checks.check(`${title}: nothing that is refused starts a run`, (await listed(emulator)).length === 0);
    for (let place = 0; place < accepted.length; place += BATCH) await accept(accepted.slice(place, place + BATCH));
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
  .map((name) => [readFileSync(join(folder, name), "utf8"), `{"id":"${RUN}","agentSessionId":"${RUN}","message":"m"}`]);
const current = readFileSync(join(everything, "../../backends/current.graphql"), "utf8");
const share = Math.ceil(documents * 0.7);
await compare("The API", [...library, ...API], [], current, share, seed);
const flags = ["--backend", everything];
await compare("Everything", EVERYTHING, flags, readFileSync(everything, "utf8"), documents - share, seed + 1);
for (const [verdict, least] of Object.entries(LEAST)) {
  checks.check(`at least ${100 * least} % ${verdict}`, counts[verdict] >= least * documents, `but ${counts[verdict]}`);
}
for (const [deed, least] of Object.entries(LEAST_DONE)) {
  checks.check(`at least ${least} ${deed}`, did[deed] >= (least * documents) / 3200, `but ${did[deed]}`);
}
const fewest = Math.min(2000, 0.65 * documents);
checks.check(`at least ${fewest} documents that are not as they were, each once`, mutated.size >= fewest, `but ${mutated.size}`);
checks.check(`at least ${FEWEST_KINDS} kinds of validation errors`, kinds.size >= FEWEST_KINDS, `but ${kinds.size}`);
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(
  `Seed ${seed}, ${documents} requests with ${mutated.size} mutated documents in ${seconds} s: ${counts.accepted} accepted; refused ${counts.syntax} for syntax, ` +
    `${counts.validation} by validation (${kinds.size} kinds of errors), ${counts.operation} for the operation, ${counts.variables} for variables. ` +
    `Those accepted started ${did.started} runs, sent ${did.sent} follow-ups, stopped ${did.stopped} times, and had ${did.failed} errors.`,
);
checks.close();
