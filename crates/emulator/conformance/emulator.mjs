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
  return {
    url: exports.ENDPOINT,
    credentials,
    stop: () => program.kill(),
    /** Sends a document and returns what the body says. */
    async ask(query, variables) {
      const answer = await fetch(exports.ENDPOINT, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...credentials },
        body: JSON.stringify({ query, variables }),
      });
      return answer.json();
    },
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
