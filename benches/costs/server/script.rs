//! [`Script`]: what the server answers to any document about runs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::Value;

/// What a look at a run shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) status: &'static str,
    /// How many messages its transcript has.
    pub(crate) messages: usize,
    pub(crate) children: Vec<String>,
}

/// In progress at first, completed from look `last` on, with these many messages.
pub(crate) fn ends_at(look: u32, last: u32, messages: usize) -> Shown {
    Shown {
        status: if look < last { "RUNNING" } else { "COMPLETED" },
        messages,
        children: vec![],
    }
}

/// Which operation came in, and about how many runs.
pub(crate) struct Asked {
    pub(crate) operation: String,
    pub(crate) runs: u64,
}

type Show = dyn FnMut(&str, u32) -> Shown + Send;

/// Answers, given what a look at a run shows: its id, and how often it was looked at.
///
/// Each alias of a document is a look at its run, whatever it selects.
pub(crate) struct Script {
    show: Box<Show>,
    looks: HashMap<String, u32>,
    started: u32,
    /// The text of each message.
    content: Cow<'static, str>,
    whole: Messages,
    digest: Messages,
}

/// The JSON of messages, and where each of them ends in it.
#[derive(Default)]
struct Messages {
    json: Vec<u8>,
    ends: Vec<usize>,
}

impl Messages {
    /// The first messages, as the inside of a list; `write` adds a further one.
    fn first(&mut self, count: usize, write: impl Fn(&mut Vec<u8>, usize)) -> &[u8] {
        while self.ends.len() < count {
            let place = self.ends.len();
            if place > 0 {
                self.json.push(b',');
            }
            write(&mut self.json, place);
            self.ends.push(self.json.len());
        }
        let end = count.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.json[..end]
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    query: Cow<'a, str>,
    operation_name: Option<String>,
    #[serde(default)]
    variables: HashMap<String, Value>,
}

/// What a document selects of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Selected {
    Status,
    Digest,
    Whole,
    Steps,
}

impl Script {
    /// `content`: the text of each message.
    pub(crate) fn new(
        content: impl Into<Cow<'static, str>>,
        show: impl FnMut(&str, u32) -> Shown + Send + 'static,
    ) -> Self {
        Self {
            show: Box::new(show),
            looks: HashMap::new(),
            started: 0,
            content: content.into(),
            whole: Messages::default(),
            digest: Messages::default(),
        }
    }

    /// Writes the answer to a request's body.
    pub(crate) fn answer(&mut self, body: &[u8], out: &mut Vec<u8>) -> Asked {
        let request: Request<'_> = serde_json::from_slice(body).expect("requests are JSON");
        let operation = request.operation_name.unwrap_or_default();
        if let Some(root) = root_of_change(&request.query) {
            self.change(root, &request.variables, out);
            return Asked { operation, runs: 1 };
        }
        out.extend_from_slice(b"{\"data\":{");
        let mut runs = 0;
        for (alias, variable, inline, selection) in roots(&request.query) {
            let id = request.variables.get(variable).and_then(Value::as_str);
            if runs > 0 {
                out.push(b',');
            }
            let _ = write!(out, "\"{alias}\":");
            self.show_run(id.unwrap_or_default(), inline, selection, out);
            runs += 1;
        }
        out.extend_from_slice(b"}}");
        Asked { operation, runs }
    }

    /// Answers a trigger with a new run; a follow-up and a stop with the run that they are about.
    fn change(&mut self, root: &str, variables: &HashMap<String, Value>, out: &mut Vec<u8>) {
        let id = variables.get("agentSessionId").and_then(Value::as_str);
        let id = id.map_or_else(
            || {
                self.started += 1;
                format!("run-{}", self.started)
            },
            str::to_owned,
        );
        let _ = write!(
            out,
            "{{\"data\":{{\"{root}\":{{\"ok\":true,\"agentSessionId\":\"{id}\",\"status\":\"queued\"}}}}}}"
        );
    }

    fn show_run(&mut self, id: &str, inline: &str, selection: &str, out: &mut Vec<u8>) {
        if !self.looks.contains_key(id) {
            self.looks.insert(id.to_owned(), 0);
        }
        let look = self.looks.entry(id.to_owned()).or_default();
        *look += 1;
        let shown = (self.show)(id, *look);
        let status = shown.status;
        let _ = write!(out, "{{\"ok\":true,\"status\":\"{status}\"");
        let selected = selected(selection);
        let content = &self.content;
        if selected == Selected::Whole {
            let _ = write!(out, ",\"agentSessionId\":\"{id}\",\"workspaceUid\":\"w1\"");
            let messages = self.whole.first(shown.messages, |out, place| {
                let (ts, role) = (timestamp(place), role(place));
                let _ = write!(out, "{{\"ts\":{ts},\"role\":\"{role}\",\"content\":");
                serde_json::to_writer(&mut *out, content.as_ref()).expect("a text is JSON");
                out.push(b'}');
            });
            out.extend_from_slice(b",\"messages\":[");
            out.extend_from_slice(messages);
            out.push(b']');
        }
        if selected == Selected::Digest {
            let messages = self.digest.first(shown.messages, |out, place| {
                let (ts, role) = (timestamp(place), role(place));
                let _ = write!(out, "{{\"ts\":{ts},\"role\":\"{role}\"}}");
            });
            out.extend_from_slice(b",\"messages\":[");
            out.extend_from_slice(messages);
            out.push(b']');
        }
        let is_with_children = matches!(selected, Selected::Whole | Selected::Digest);
        if is_with_children || inline.contains("childSessionIds") {
            let mut children = String::new();
            for (place, child) in shown.children.iter().enumerate() {
                let comma = if place > 0 { "," } else { "" };
                let _ = write!(children, "{comma}\"{child}\"");
            }
            let _ = write!(out, ",\"childSessionIds\":[{children}]");
        }
        if selected == Selected::Steps {
            out.extend_from_slice(b",\"steps\":[],\"startupSteps\":[]");
        }
        out.push(b'}');
    }
}

fn timestamp(place: usize) -> f64 {
    1_764_000_000.25 + place as f64
}

fn role(place: usize) -> &'static str {
    ["user", "assistant"][place.min(1)]
}

/// The field of a mutation.
fn root_of_change(query: &str) -> Option<&str> {
    let (_, body) = query
        .trim_start()
        .strip_prefix("mutation")?
        .split_once('{')?;
    body.trim_start().split('(').next()
}

/// Of each run that a document asks for: its alias, the variable that has its id, what stands in its
/// braces, and what is selected of it there or in a fragment.
fn roots(query: &str) -> impl Iterator<Item = (&str, &str, &str, &str)> {
    const FIELD: &str = "dinoaiAgentRun";
    const ROOT: &str = "dinoaiAgentRun(agentSessionId: $";
    query.match_indices(ROOT).map(move |(place, _)| {
        let before = query[..place].trim_end();
        let alias = before.strip_suffix(':').map_or(FIELD, |before| {
            let start = before.rfind(|character: char| !character.is_alphanumeric());
            &before[start.map_or(0, |start| start + 1)..]
        });
        let (variable, after) = query[place + ROOT.len()..]
            .split_once(')')
            .unwrap_or_default();
        let inline = after.split('}').next().unwrap_or_default();
        (alias, variable, inline, selection(query, after))
    })
}

/// What stands in the braces after a field, or in the fragment that is spread there.
fn selection<'a>(query: &'a str, after: &'a str) -> &'a str {
    let inside = after.trim_start().trim_start_matches('{').trim_start();
    let Some(spread) = inside.strip_prefix("...") else {
        return inside;
    };
    let name = spread.split(|character: char| !character.is_alphanumeric());
    let definition = format!(
        "fragment {} on",
        name.into_iter().next().unwrap_or_default()
    );
    let fragment = query.split_once(&definition).unwrap_or_default().1;
    fragment.split("fragment ").next().unwrap_or_default()
}

fn selected(selection: &str) -> Selected {
    if selection.contains("startupSteps") {
        Selected::Steps
    } else if selection.contains("content") || selection.contains("workspaceUid") {
        Selected::Whole
    } else if selection.contains("messages") {
        Selected::Digest
    } else {
        Selected::Status
    }
}
