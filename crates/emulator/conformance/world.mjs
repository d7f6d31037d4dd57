// The emulator's world as the reference implementation executes documents in it: runs that go as
// world.yml says, and what the API's operations do to them.

const STARTUP = [
  { label: "Clone the repository", done: true },
  { label: "Start the agent", done: false },
];
const STEPS = [
  { role: "USER", content: "Check it." },
  { role: "AGENT", content: "I look at it." },
  { role: "TOOL", toolName: "run_sql_query", toolInput: "select 1", content: "1é😀" },
];
const STAGES = [
  { status: "QUEUED" },
  { status: "RUNNING", said: ["agent", "I look at it: é😀."], steps: STEPS },
  { status: "COMPLETED", said: ["assistant", "Done."] },
];
const TERMINAL = ["COMPLETED", "FAILED", "STOPPED", "EXPIRED"];
const MOST_CHARACTERS = 4000;

/** Stands for any timestamp. */
export const TIMESTAMP = 0.5;
/** Begins an id that the emulator makes up. */
export const STARTED = "started:";

class Run {
  messages = [];
  steps = [];
  followUps = [];
  stops = 0;
  #ahead = [...STAGES];
  #reads = 0;

  constructor(id, order) {
    this.id = id;
    this.order = order;
    if (order.message) this.#say("user", order.message);
    this.#enter();
  }

  #say(role, content) {
    this.messages.push({ ts: TIMESTAMP, role, content });
  }

  #enter() {
    const { status, said, steps = [] } = this.#ahead.shift();
    this.status = status;
    if (said) this.#say(...said);
    this.steps.push(...steps);
    this.#reads = 0;
  }

  read() {
    const seen = { status: this.status, messages: [...this.messages], steps: [...this.steps] };
    this.#reads += 1;
    if (this.#reads > 0 && this.#ahead.length > 0) this.#enter();
    return seen;
  }

  send(message) {
    while (this.#ahead.length > 0) this.#enter();
    this.#say("user", message);
    this.followUps.push(message);
    const content = `Done: this answers follow-up ${this.followUps.length}.`;
    this.#ahead = [{ status: "QUEUED" }, { status: "RUNNING" }, { status: "COMPLETED", said: ["assistant", content] }];
    this.#enter();
  }

  stop() {
    this.stops += 1;
    const isOver = this.#ahead.length === 0 && TERMINAL.includes(this.status);
    if (isOver) return;
    this.#ahead = [];
    this.status = "STOPPED";
  }
}

/** A world with one run, that a message started; and the root that documents are executed on. */
export class World {
  runs = [];

  constructor(id, message) {
    this.runs.push(new Run(id, { message }));
    this.#known = id;
  }

  #known;

  /** The runs as /control/runs lists them, but for times. */
  listed() {
    return this.runs.map(({ id, order, status, followUps, stops, messages }) => ({
      id,
      order: [order.agent, order.message, order.slack, order.baseBranch, order.modelFamily].map((it) => it ?? null),
      status,
      followUps,
      stops,
      said: messages.map(({ role, content }) => [role, content]),
    }));
  }

  root = {
    listWorkspaces: () => ({ workspaces: [{ uid: WORKSPACE, name: "Demo workspace" }] }),
    dinoaiAgentRun: ({ agentSessionId }) => {
      const seen = this.#run(agentSessionId).read();
      return {
        ok: true,
        agentSessionId,
        status: seen.status,
        messages: seen.messages,
        childSessionIds: [],
        workspaceUid: WORKSPACE,
        steps: (asked) => steps(seen.steps, asked),
        startupSteps: STARTUP,
      };
    },
    triggerDinoaiAgentRun: ({ agent, message, slack, baseBranch, modelFamily }) => {
      const order = {
        agent: agent || null,
        message: message || null,
        slack: slack && { channel: slack.channel, thread_ts: slack.threadTs },
        baseBranch: baseBranch || null,
        modelFamily: modelFamily || null,
      };
      if (!order.agent && !order.message) throw new Error("At least one of 'agent' or 'message' must be provided.");
      const id = `${STARTED}${this.runs.length}`;
      this.runs.push(new Run(id, order));
      const isKnown = [null, "standard", "fast"].includes(order.modelFamily);
      const warning = `Unknown model family '${order.modelFamily}': the run uses the workspace's default.`;
      return { ok: true, agentSessionId: id, status: "queued", warning: isKnown ? null : warning };
    },
    sendDinoaiAgentMessage: ({ agentSessionId, message }) => {
      this.#run(agentSessionId).send(message);
      return { ok: true, agentSessionId, status: "queued" };
    },
    stopDinoaiAgentRun: ({ agentSessionId }) => {
      const run = this.#run(agentSessionId);
      run.stop();
      return { ok: true, status: run.status.toLowerCase() };
    },
  };

  #run(id) {
    if (id !== this.#known) throw new Error(`No DinoAI agent session '${id}' was found.`);
    return this.runs[0];
  }
}

const WORKSPACE = "demo-workspace";

function steps(all, { after, includeToolIo, maxChars }) {
  const most = Math.max(0, maxChars ?? MOST_CHARACTERS);
  return all
    .map((step, index) => ({ ...step, index }))
    .filter(({ index }) => after == null || index > after)
    .map(({ index, role, toolName = null, toolInput, content }) => {
      const texts = [includeToolIo ? toolInput : null, includeToolIo || role !== "TOOL" ? content : null];
      const [input, output] = texts.map((text) => (text == null ? null : [...text]));
      const cut = (text) => text && text.slice(0, most).join("");
      const truncated = [input, output].some((text) => text && text.length > most);
      return { index, role, toolName, toolInput: cut(input), content: cut(output), truncated };
    });
}

/** What a field answers: its property, or nothing. */
export function resolve(source, given, _context, { fieldName, returnType }) {
  const value = source?.[fieldName];
  if (typeof value === "function") return value(given);
  if (value === undefined && `${returnType}`.endsWith("!")) {
    throw new Error(`The emulator has no value for the field '${fieldName}'.`);
  }
  return value ?? null;
}
