//! What a run of a demo agent remembers, and how it answers follow-ups by that.

use std::collections::VecDeque;
use std::time::Duration;

use super::checker::Conversation;
use super::other_agents::{self, Recall, Verdict};
use super::words::beginning;
use crate::scenario::{Stage, Status};

/// How long a follow-up is in the queue.
const QUEUE: Duration = Duration::from_millis(700);

/// What a run remembers. Only what it has said counts: what a stop cuts off was never done.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// The start of what the run was asked at first.
    asked: String,
    /// As of the latest answer.
    knowledge: Knowledge,
    /// As of the answer that the turn in progress gives.
    next: Option<Knowledge>,
    /// The starts of the follow-ups that wait for that answer.
    waiting: VecDeque<String>,
    /// How much memory these take.
    waiting_bytes: usize,
    /// What came of the runs that it has started.
    verdicts: Vec<Verdict>,
}

/// What the answers of an agent depend on.
#[derive(Debug, Clone)]
enum Knowledge {
    Checker(Conversation),
    Other(Recall),
}

impl Knowledge {
    fn bytes(&self) -> usize {
        match self {
            Self::Checker(conversation) => conversation.bytes(),
            Self::Other(recall) => recall.bytes(),
        }
    }
}

impl Memory {
    /// Of a checker's run that is about to begin, and finds this.
    pub(super) fn of_checker(asked: &str, found: Conversation) -> Self {
        Self::new(
            asked,
            Knowledge::Checker(Conversation::default()),
            Knowledge::Checker(found),
        )
    }

    /// Of another agent's run that is about to begin.
    pub(super) fn of_other(asked: &str, recall: Recall) -> Self {
        let next = Knowledge::Other(recall.answered());
        Self::new(asked, Knowledge::Other(recall), next)
    }

    /// Of a run that is about to begin, and of the same when it has given its first answer.
    fn new(asked: &str, knowledge: Knowledge, next: Knowledge) -> Self {
        Self {
            asked: beginning(asked).to_owned(),
            knowledge,
            next: Some(next),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            verdicts: Vec::new(),
        }
    }

    /// The start of what the run was asked at first, which its children are asked, too.
    pub(crate) fn asked(&self) -> &str {
        &self.asked
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let waiting = self
            .waiting
            .iter()
            .map(|text| size_of::<String>() + text.len());
        let known = [Some(&self.knowledge), self.next.as_ref()];
        let known = known.into_iter().flatten().map(Knowledge::bytes);
        size_of::<Self>() + self.asked.len() + waiting.chain(known).sum::<usize>()
    }

    /// Takes a follow-up to a run in progress, whose answer comes after that of the turn in progress.
    pub(crate) fn queue(&mut self, text: &str) {
        let text = beginning(text).to_owned();
        self.waiting_bytes += size_of::<String>() + text.len();
        self.waiting.push_back(text);
    }

    /// The answer to a follow-up to a run that is not in progress.
    pub(crate) fn answer(&mut self, text: &str) -> Vec<Stage> {
        let mut stages = vec![Stage::new(Status::Queued).lasts(QUEUE)];
        stages.extend(self.think(beginning(text)));
        stages
    }

    /// Keeps what has been answered, and answers the follow-up that has waited longest.
    pub(crate) fn answered(&mut self) -> Vec<Stage> {
        self.knowledge = self.next.take().unwrap_or_else(|| self.knowledge.clone());
        match self.waiting.pop_front() {
            Some(text) => {
                self.waiting_bytes -= size_of::<String>() + text.len();
                self.think(&text)
            }
            None => Vec::new(),
        }
    }

    /// Forgets what has not been said.
    pub(crate) fn stopped(&mut self) {
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
        if let (Knowledge::Checker(conversation), Some(Knowledge::Checker(next))) =
            (&mut self.knowledge, self.next.take())
        {
            conversation.cut_off(next);
        }
    }

    /// How the run continues when a run that it has started has ended like this, and it waits for no
    /// other, or still does.
    pub(crate) fn child_ended(&mut self, verdict: Verdict, still_waits: bool) -> Vec<Stage> {
        let mut stages = vec![verdict.heard()];
        self.verdicts.push(verdict);
        if !still_waits {
            stages.extend(other_agents::review(&self.asked, &self.verdicts));
        }
        stages
    }

    /// How the run continues if it was to start others, and none has started.
    pub(crate) fn alone(&self) -> Vec<Stage> {
        other_agents::review(&self.asked, &self.verdicts)
    }

    fn think(&mut self, text: &str) -> Vec<Stage> {
        let mut next = self.knowledge.clone();
        let stages = match &mut next {
            Knowledge::Checker(conversation) => conversation.answer(text),
            Knowledge::Other(recall) => recall.answer(text),
        };
        self.next = Some(next);
        stages
    }
}

#[cfg(test)]
mod tests {
    use crate::demo::scenario;

    #[test]
    fn an_answer_is_made_of_no_more_after_many_follow_ups() {
        let follow_up = "Why is that? ".repeat(1_000);
        for agent in [Some("data-quality-checker"), Some("docs-writer"), None] {
            let (_, mut memory) = scenario(agent, Some("Check stg_orders"));
            memory.answered();
            let mut kept = || {
                memory.answer(&follow_up);
                memory.answered();
                memory.bytes()
            };
            let kept: Vec<_> = (0..200).map(|_| kept()).collect();
            assert_eq!(kept[199], kept[1], "{agent:?}");
        }
    }
}
