//! All runs of one emulator, and what the API's operations do to them.

mod limits;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::demo;
use crate::edges::Edges;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::runs::{Run, Slack};
use crate::scenario::{Child, Scenario, Status};
use crate::session_id;
use limits::MOST_FOLLOW_UPS;

/// The model families that every workspace has.
const MODEL_FAMILIES: [&str; 2] = ["standard", "fast"];

/// What a run works on without a base branch, or with one that is missing.
const DEFAULT_BRANCH: &str = "main";

/// Children below this generation are not started: a scenario may name itself as its child.
const GENERATIONS: u32 = 8;

/// What a trigger asks for.
#[derive(Default)]
pub(crate) struct Order {
    pub(crate) agent: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) slack: Option<Slack>,
    pub(crate) base_branch: Option<String>,
    pub(crate) model_family: Option<String>,
}

/// What a trigger answers.
pub(crate) struct Accepted {
    pub(crate) session_id: String,
    pub(crate) warning: Option<String>,
}

/// The agents that there are, where the one asked for is not among them.
pub(crate) struct UnknownAgent(pub(crate) Vec<String>);

/// Why a follow-up is not taken.
pub(crate) enum NotSent {
    UnknownSession,
    /// The last message was too long ago.
    Idle,
    /// The run has had so many that no more are kept.
    TooMany(usize),
}

/// What a workspace has, and how it behaves.
#[derive(Default)]
pub(crate) struct Workspace {
    /// `None` where every agent is there.
    pub(crate) agents: Option<BTreeSet<String>>,
    pub(crate) scenarios: Scenarios,
    pub(crate) model_families: BTreeSet<String>,
    /// Beside the default one. Empty where every branch is there.
    pub(crate) branches: BTreeSet<String>,
    pub(crate) edges: Arc<Edges>,
}

impl Workspace {
    fn check_agent(&self, agent: Option<&str>) -> Result<(), UnknownAgent> {
        match (&self.agents, agent) {
            (Some(agents), Some(agent)) if !agents.contains(agent) => {
                Err(UnknownAgent(agents.iter().cloned().collect()))
            }
            _ => Ok(()),
        }
    }

    /// What a run that asks for this base branch works on.
    fn check_out(&self, base_branch: Option<&str>) -> String {
        base_branch
            .filter(|branch| self.branches.is_empty() || self.branches.contains(*branch))
            .unwrap_or(DEFAULT_BRANCH)
            .to_owned()
    }

    fn knows_model_family(&self, slug: &str) -> bool {
        MODEL_FAMILIES.contains(&slug) || self.model_families.contains(slug)
    }
}

/// Which scenario the runs of which agent follow.
#[derive(Default)]
pub(crate) struct Scenarios {
    by_agent: HashMap<String, Arc<Scenario>>,
    default: Option<Arc<Scenario>>,
    /// Whether all other runs are those of the demo agents.
    pub(crate) has_demo_agents: bool,
}

impl Scenarios {
    /// Every status that some run can show.
    pub(crate) fn statuses(&self) -> BTreeSet<String> {
        let mut found = Status::built_in();
        for scenario in self.by_agent.values().chain(&self.default) {
            scenario.statuses(&mut found);
        }
        if self.has_demo_agents {
            found.insert(Status::Failed.as_str().to_owned());
        }
        found
    }

    /// Lets an agent's runs, or all others, follow a scenario.
    pub(crate) fn add(&mut self, agent: Option<String>, scenario: Scenario) {
        let scenario = Arc::new(scenario);
        match agent {
            Some(agent) => {
                self.by_agent.insert(agent, scenario);
            }
            None => self.default = Some(scenario),
        }
    }

    /// How a run of this agent goes that is asked this.
    fn of(&self, agent: Option<&str>, asked: Option<&str>) -> Plan {
        let own = agent.and_then(|agent| self.by_agent.get(agent));
        match own.or(self.default.as_ref()) {
            Some(scenario) => Plan::from(Arc::clone(scenario)),
            None if self.has_demo_agents => {
                let (scenario, memory) = demo::scenario(agent, asked);
                Plan {
                    scenario: Arc::new(scenario),
                    memory: Some(Box::new(memory)),
                }
            }
            None => Plan::from(Arc::new(Scenario::completes())),
        }
    }
}

/// All runs of one emulator. Every method takes the time since the emulator's start.
pub(crate) struct World {
    workspace: Workspace,
    runs: Vec<Slot>,
    places: HashMap<String, usize>,
    epoch: Duration,
    /// How many runs there have been.
    started: u64,
    /// About how much memory the runs take.
    bytes: usize,
}

/// A run, and how often its stage in progress was read. The count stands apart so that a read
/// alone does not clone a run that an answer still holds.
struct Slot {
    progress: Arc<Progress>,
    reads: u64,
    /// How often the run was read in this turn where it could have lagged behind.
    late_reads: u64,
    bytes: usize,
}

/// A run as a read shows it.
pub(crate) struct Seen {
    pub(crate) progress: Arc<Progress>,
    /// The status shown is that of the stage before.
    pub(crate) lags: bool,
}

impl World {
    /// The agents that may be triggered; `None` where all may.
    #[cfg(feature = "program")]
    pub(crate) fn known_agents(&self) -> Option<&BTreeSet<String>> {
        self.workspace.agents.as_ref()
    }

    pub(crate) fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            runs: Vec::new(),
            places: HashMap::new(),
            epoch: since_1970(),
            started: 0,
            bytes: 0,
        }
    }

    /// Forgets every run: the emulator starts now.
    pub(crate) fn reset(&mut self) {
        self.runs = Vec::new();
        self.places = HashMap::new();
        self.epoch = since_1970();
        self.started = 0;
        self.bytes = 0;
    }

    /// Starts a run. An agent needs no scenario of its own.
    pub(crate) fn trigger(
        &mut self,
        order: Order,
        now: Duration,
    ) -> Result<Accepted, UnknownAgent> {
        self.workspace.check_agent(order.agent.as_deref())?;
        let warning = order
            .model_family
            .as_deref()
            .filter(|slug| !self.workspace.knows_model_family(slug))
            .map(|slug| {
                format!("Unknown model family '{slug}': the run uses the workspace's default.")
            });
        let scenarios = &self.workspace.scenarios;
        let plan = scenarios.of(order.agent.as_deref(), order.message.as_deref());
        let place = self.start(order, plan, None, now);
        let session_id = self.runs[place].progress.record.session_id.clone();
        self.make_room(place);
        Ok(Accepted {
            session_id,
            warning,
        })
    }

    /// Reads a run: its state now, and one read more towards the end of its stage.
    pub(crate) fn read(&mut self, session_id: &str, now: Duration) -> Option<Seen> {
        let place = self.place(session_id, now)?;
        let slot = &mut self.runs[place];
        let progress = Arc::clone(&slot.progress);
        let late = self.workspace.edges.alternating_status && progress.can_lag();
        let lags = late && slot.late_reads % 3 == 1;
        slot.late_reads += u64::from(late);
        slot.reads += 1;
        self.settle(place, now);
        Some(Seen { progress, lags })
    }

    /// Sends a follow-up. A run that has ended takes it, too.
    pub(crate) fn send(
        &mut self,
        session_id: &str,
        message: String,
        now: Duration,
    ) -> Result<(), NotSent> {
        let place = self.place(session_id, now).ok_or(NotSent::UnknownSession)?;
        let idle = now.saturating_sub(self.runs[place].progress.last_message);
        if idle >= self.workspace.edges.session_lifetime {
            return Err(NotSent::Idle);
        }
        if self.runs[place].progress.follow_ups() >= MOST_FOLLOW_UPS {
            return Err(NotSent::TooMany(MOST_FOLLOW_UPS));
        }
        let stale_reads = self.workspace.edges.stale_reads;
        let children = self.change(place).follow_up(message, stale_reads, now);
        self.runs[place].late_reads = 0;
        self.entered(place, children, now);
        self.settle(place, now);
        self.make_room(place);
        Ok(())
    }

    /// Stops a run unless it is over; its children go on. Returns the status that it has then,
    /// `None` if no run has this id.
    pub(crate) fn stop(&mut self, session_id: &str, now: Duration) -> Option<Status> {
        let place = self.place(session_id, now)?;
        let run = self.change(place);
        run.stop(now);
        let status = run.status.clone();
        self.weigh(place);
        Some(status)
    }

    /// Every run started so far, in order, without counting as a read.
    pub(crate) fn runs(&mut self, now: Duration) -> Vec<Run> {
        self.look(now);
        self.runs
            .iter()
            .map(|slot| slot.progress.reported())
            .collect()
    }

    /// Brings every run to what it is now, and returns the number of the last.
    pub(crate) fn look(&mut self, now: Duration) -> u64 {
        // Settling can start children, which are appended, and settled as they start.
        for place in 0..self.runs.len() {
            self.settle(place, now);
        }
        self.started
    }

    /// The first run with this number or a higher one.
    pub(crate) fn first_from(&mut self, number: u64, now: Duration) -> Option<&Progress> {
        let before = |slot: &Slot| slot.progress.record.number < number;
        let place = self.runs.partition_point(before);
        if place == self.runs.len() {
            return None;
        }
        self.settle(place, now);
        Some(&self.runs[place].progress)
    }

    fn place(&mut self, session_id: &str, now: Duration) -> Option<usize> {
        let place = *self.places.get(session_id)?;
        self.settle(place, now);
        Some(place)
    }

    fn start(
        &mut self,
        order: Order,
        plan: Plan,
        parent: Option<&Progress>,
        now: Duration,
    ) -> usize {
        self.started += 1;
        let record = Run {
            number: self.started,
            session_id: session_id::next(),
            agent: order.agent,
            message: order.message,
            slack: order.slack,
            checked_out: self.workspace.check_out(order.base_branch.as_deref()),
            base_branch: order.base_branch,
            model_family: order.model_family,
            follow_ups: Vec::new(),
            parent: parent.map(|parent| parent.record.session_id.clone()),
            status: String::new(),
            messages: Vec::new(),
            children: Vec::new(),
            ended: None,
            stops: Vec::new(),
            texts_dropped: false,
        };
        let generation = parent.map_or(0, |parent| parent.generation + 1);
        let place = self.runs.len();
        self.places.insert(record.session_id.clone(), place);
        self.runs.push(Slot {
            progress: Arc::new(Progress::new(
                record,
                plan,
                generation,
                self.epoch,
                self.workspace.edges.timestamp_resolution,
            )),
            reads: 0,
            late_reads: 0,
            bytes: 0,
        });
        let children = self.change(place).begin(now);
        self.entered(place, children, now);
        self.settle(place, now);
        place
    }

    /// Moves a run through every stage that has ended by now.
    fn settle(&mut self, place: usize, now: Duration) {
        self.call_back(place, now);
        while let Some(end) = self.runs[place].progress.ended(self.runs[place].reads, now) {
            let children = self.change(place).enter_next(end);
            self.entered(place, children, end);
            self.call_back(place, now);
        }
    }

    /// Wakes a run that is idle and waits for a child that has ended.
    fn call_back(&mut self, place: usize, now: Duration) {
        let waiting = self.runs[place].progress.idle_for();
        for (number, child) in waiting.iter().enumerate() {
            let Some(child) = self.place(child, now) else {
                continue;
            };
            let child = Arc::clone(&self.runs[child].progress);
            if let Some(end) = child.over() {
                self.change(place).wake(number, end, &child);
                return;
            }
        }
    }

    /// A run has entered a stage: its reads are counted anew, its children start.
    fn entered(&mut self, place: usize, children: Vec<Child>, at: Duration) {
        self.runs[place].reads = 0;
        self.weigh(place);
        let parent = Arc::clone(&self.runs[place].progress);
        if parent.generation >= GENERATIONS {
            return;
        }
        for child in children {
            let (child, callback) = match child {
                Child::CallsBack { child, stages } => (*child, Some(stages)),
                child => (child, None),
            };
            let (agent, plan) = self.plan_of(child, parent.asked());
            let order = Order {
                agent,
                ..Order::default()
            };
            let child = self.start(order, plan, Some(&parent), at);
            let id = self.runs[child].progress.record.session_id.clone();
            self.change(place).adopt(id, callback);
        }
    }

    /// Which agent a child is of, and how it goes where its parent was asked this.
    fn plan_of(&self, child: Child, asked: Option<&str>) -> (Option<String>, Plan) {
        match child {
            Child::Agent(agent) => {
                let plan = self.workspace.scenarios.of(Some(&agent), asked);
                (Some(agent), plan)
            }
            Child::Scenario(scenario) => (None, Plan::from(Arc::from(scenario))),
            // A child calls back once: what it was wrapped in before is dropped.
            Child::CallsBack { child, .. } => self.plan_of(*child, asked),
        }
    }

    fn change(&mut self, place: usize) -> &mut Progress {
        Arc::make_mut(&mut self.runs[place].progress)
    }
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
