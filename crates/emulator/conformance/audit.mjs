// The audit of GraphQL over HTTP that comes with graphql-http: every MUST and every SHOULD.

import { serverAudits } from "graphql-http";
import { Checks, start } from "./emulator.mjs";

const EXPECTED = { MUST: 13, SHOULD: 23 };

const emulator = await start();
const checks = new Checks();
try {
  const audits = serverAudits({
    url: emulator.url,
    fetchFn: (url, options = {}) =>
      fetch(url, { ...options, headers: { ...options.headers, ...emulator.credentials } }),
  });
  const passed = { MUST: 0, SHOULD: 0 };
  for (const audit of audits) {
    const level = audit.name.split(" ")[0];
    if (!(level in EXPECTED)) continue;
    const result = await audit.fn();
    const ok = result.status === "ok";
    if (ok) passed[level] += 1;
    checks.check(`${audit.id} ${audit.name}`, ok, result.reason);
  }
  for (const [level, count] of Object.entries(EXPECTED)) {
    console.log(`${passed[level]} of ${count} ${level}`);
    // An audit of another version that asks less is not what was promised.
    checks.check(`${count} ${level}`, passed[level] === count);
  }
} finally {
  emulator.stop();
}
checks.close();
