// The reference implementation validates every document of a folder against the schema that the
// emulator's introspection answers.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { buildClientSchema, getIntrospectionQuery, parse, validate, validateSchema } from "graphql";
import { Checks, start } from "./emulator.mjs";

const folder = process.argv[2];
const emulator = await start();
const checks = new Checks();
try {
  const answer = await emulator.ask(getIntrospectionQuery({ descriptions: true, oneOf: false }));
  const schema = buildClientSchema(answer.data);
  const flaws = validateSchema(schema);
  checks.check("the introspected schema", flaws.length === 0, flaws.join("; "));
  const names = readdirSync(folder).filter(
    (name) => name.endsWith(".graphql") && name !== "schema.graphql",
  );
  checks.check("there are documents", names.length > 0);
  for (const name of names.sort()) {
    const document = readFileSync(join(folder, name), "utf8");
    const errors = validate(schema, parse(document));
    checks.check(name, errors.length === 0, errors.map((error) => error.message).join("; "));
  }
  // The judge must be able to say no.
  const wrong = parse("query ($id: Int!) { dinoaiAgentRun(agentSessionId: $id) { nothing } }");
  checks.check("a wrong document is refused", validate(schema, wrong).length === 2);
} finally {
  emulator.stop();
}
checks.close();
