// The emulator as a program, for the checks in JavaScript.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts an emulator with these flags; `stop` ends it. */
export async function start(...flags) {
  const program = spawn(process.env.DINOAI_EMULATOR, ["--port", "0", "--plain", ...flags], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exports = {};
  for await (const line of createInterface({ input: program.stdout })) {
    const [, name, value] = line.match(/^export PARADIME_API_(\w+)=(.*)$/);
    exports[name] = value;
    if (Object.keys(exports).length === 3) break;
  }
  const credentials = { "X-API-KEY": exports.KEY, "X-API-SECRET": exports.SECRET };
  const post = async (body) => {
    const headers = { "Content-Type": "application/json", ...credentials };
    const answer = await fetch(exports.ENDPOINT, { method: "POST", headers, body });
    return answer.json();
  };
  return {
    url: exports.ENDPOINT,
    credentials,
    stop: () => program.kill(),
    /** Sends a document and returns what the body says. */
    ask: (query, variables) => post(JSON.stringify({ query, variables })),
    /** Sends a body and returns what that of the answer says. */
    post,
    /** Starts a run, and returns its id. */
    trigger: async (message) => {
      const query = "mutation ($message: String) { triggerDinoaiAgentRun(message: $message) { agentSessionId } }";
      const answer = await post(JSON.stringify({ query, variables: { message } }));
      return answer.data.triggerDinoaiAgentRun.agentSessionId;
    },
    /** Forgets all runs. */
    reset: () => fetch(new URL("/control/reset", exports.ENDPOINT), { method: "POST" }),
  };
}

/** Counts checks, names those that fail, and says the closing line. */
export class Checks {
  passed = 0;
  failed = 0;

  check(name, ok, reason = "") {
    if (ok) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    console.log(`FAILED ${name} ${reason}`);
  }

  close() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exitCode = this.failed === 0 && this.passed > 0 ? 0 : 1;
  }
}
