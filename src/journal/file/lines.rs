//! The lines of a journal's file: a head, then one for each time that a key was stored. [`Known`] is what
//! they say.
//!
//! A line that cannot be read, and all that follow it if none of them can, is a damaged tail: it was being
//! written when the process or the machine stopped, and nobody has acted on it. It stays where it is, and
//! is marked by the next line. A line that cannot be read among others is another matter: keys may be
//! missing, so that the journal is refused.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::journal::entry::{Entry, State, time};
use crate::model::SessionId;

/// The format that is written here.
const FORMAT: u32 = 1;
/// How a head begins, whatever else it says.
const HEAD: &str = r#"{"journal":"dinoai","#;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    journal: String,
    format: u32,
    /// Another one each time that the file is written anew.
    pub(super) generation: String,
    /// The last version of the file before.
    pub(super) last: u64,
}

impl Head {
    pub(super) fn new(last: u64) -> Self {
        Self {
            journal: "dinoai".to_owned(),
            format: FORMAT,
            generation: format!("{:016x}", fastrand::u64(..)),
            last,
        }
    }

    /// Reads the first line, or says why it is none.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        if !line.starts_with(HEAD.as_bytes()) {
            return Err("is no journal of runs: name another file".to_owned());
        }
        let format = serde_json::from_slice::<Value>(line).ok();
        let format = format.and_then(|head| head.get("format")?.as_u64());
        match (format, serde_json::from_slice(line)) {
            (Some(format), Ok(head)) if format == u64::from(FORMAT) => Ok(head),
            (Some(format), _) if format != u64::from(FORMAT) => Err(format!(
                "has format {format}, and this version knows format {FORMAT}: use the version that wrote it, or a newer one"
            )),
            _ => Err("has a damaged first line: move the file away, and look in the workspace which runs it was for".to_owned()),
        }
    }
}

/// A line about a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) version: u64,
    #[serde(with = "time")]
    pub(super) at: SystemTime,
    #[serde(flatten)]
    pub(super) entry: Entry,
}

/// A line that says that so many before it cannot be read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    damaged: usize,
}

fn is_object(line: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, Value>>(line).is_ok()
}

/// A line as it is written.
pub(super) fn written(line: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec(line).map_err(|error| error.to_string())?;
    text.push(b'\n');
    Ok(text)
}

/// What the lines of a file say.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) generation: String,
    /// How many bytes and lines were read, without a damaged tail.
    pub(super) bytes: u64,
    lines: usize,
    /// What was stored last of each key.
    pub(super) keys: BTreeMap<String, Line>,
    pub(super) last: u64,
    pub(super) tail: Tail,
}

/// What follows the lines that were read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tail {
    /// Whether the end of the last line is missing.
    pub(super) lacks_newline: bool,
    /// How many lines cannot be read.
    damaged: usize,
    /// Their bytes.
    pub(super) length: u64,
    /// What they say all the same.
    recovered: Vec<Line>,
}

impl Known {
    /// Of a file with this head, of so many bytes.
    pub(super) fn after(head: &Head, length: usize) -> Self {
        Self {
            generation: head.generation.clone(),
            bytes: length as u64,
            lines: 1,
            last: head.last,
            ..Self::default()
        }
    }

    /// Takes all that follows what was read before, or says what is wrong.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.tail = Tail::default();
        let mut read = 0;
        let mut damaged = vec![];
        let mut place = 0;
        for text in bytes.split_inclusive(|byte| *byte == b'\n') {
            place += text.len();
            let line = text.trim_ascii();
            if let Ok(line) = serde_json::from_slice::<Line>(line) {
                if let [first, ..] = damaged[..] {
                    let number = self.lines + 1;
                    let _: &[u8] = first;
                    return Err(format!(
                        "has a line that cannot be read, line {number}: keys may be missing, so move the file away, and look in the workspace which runs it was for"
                    ));
                }
                if line.version == u64::MAX {
                    return Err(
                        "has a version that no other can follow: move the file away".to_owned()
                    );
                }
                self.note(line);
                if !text.ends_with(b"\n") {
                    // It counts, and is read again until its end is there.
                    break;
                }
            } else if let Ok(mark) = serde_json::from_slice::<Mark>(line)
                && mark.damaged == damaged.len()
            {
                self.lines += damaged.len();
                damaged.clear();
            } else if text.ends_with(b"\n") && is_object(line) {
                let number = self.lines + damaged.len() + 1;
                return Err(format!(
                    "has a line that this version does not know, line {number}: use the version that wrote it, or a newer one"
                ));
            } else if !line.is_empty() {
                damaged.push(text);
                continue;
            } else if !damaged.is_empty() {
                continue;
            }
            self.lines += 1;
            read = place;
        }
        self.bytes += read as u64;
        let rest = &bytes[read..];
        self.tail = Tail {
            lacks_newline: bytes.last().is_some_and(|byte| *byte != b'\n'),
            damaged: damaged.len(),
            length: rest.len() as u64,
            recovered: damaged
                .iter()
                .filter_map(|text| self.recovered(text))
                .collect(),
        };
        for line in self.tail.recovered.clone() {
            self.note(line);
        }
        Ok(())
    }

    fn note(&mut self, line: Line) {
        self.last = self.last.max(line.version);
        self.keys.insert(line.key.clone(), line);
    }

    /// What a line that was cut off says of a run: its session id is not to be lost.
    fn recovered(&self, text: &[u8]) -> Option<Line> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Cut {
            key: String,
            version: u64,
            #[serde(with = "time")]
            at: SystemTime,
            agent_session_id: SessionId,
        }

        let text = String::from_utf8_lossy(text);
        let (_, after) = text.split_once(r#""agentSessionId":""#)?;
        let end = text.len() - after.len() + after.find('"')? + 1;
        let cut: Cut = serde_json::from_str(&format!("{}}}", &text[..end])).ok()?;
        let before = self.keys.get(&cut.key)?;
        if before.version == cut.version {
            // It was recovered when this was read before.
            return Some(before.clone());
        }
        let is_open = match before.entry.state {
            State::Claimed { .. } | State::Unknown { .. } | State::Free { .. } => true,
            State::Started { .. } | State::Ended { .. } => false,
        };
        is_open.then(|| Line {
            key: cut.key,
            version: cut.version,
            at: cut.at,
            entry: before.entry.with_state(State::Started {
                session_id: cut.agent_session_id,
            }),
        })
    }

    /// What has to be written before anything is added.
    pub(super) fn before_more(&self) -> Result<Vec<u8>, String> {
        let mut text = vec![];
        if self.tail.lacks_newline {
            text.push(b'\n');
        }
        if self.tail.damaged > 0 {
            text.extend(written(&Mark {
                damaged: self.tail.damaged,
            })?);
            for line in &self.tail.recovered {
                text.extend(written(line)?);
            }
        }
        Ok(text)
    }

    /// The file was written anew with this head, these lines and so many bytes.
    pub(super) fn replaced(&mut self, head: &Head, bytes: u64, lines: Vec<Line>) {
        self.generation.clone_from(&head.generation);
        self.bytes = bytes;
        self.lines = 1 + lines.len();
        self.keys = lines
            .into_iter()
            .map(|line| (line.key.clone(), line))
            .collect();
        self.tail = Tail::default();
    }

    /// Notes that `bytes` were added with these lines.
    pub(super) fn added(&mut self, bytes: usize, lines: Vec<Line>) {
        self.bytes += self.tail.length + bytes as u64;
        let marked = match self.tail.damaged {
            0 => usize::from(self.tail.lacks_newline),
            damaged => damaged + 1 + self.tail.recovered.len(),
        };
        self.lines += marked + lines.len();
        self.tail = Tail::default();
        for line in lines {
            self.note(line);
        }
    }

    /// What is damaged, in words.
    pub(super) fn damage(&self) -> Option<String> {
        let Tail {
            damaged: 1..,
            length,
            ref recovered,
            ..
        } = self.tail
        else {
            return None;
        };
        let mut text = format!(
            "its last {length} bytes, after line {}, cannot be read: they were being written when the program or the machine stopped, and nothing was sent by them; they are left there",
            self.lines
        );
        for line in recovered {
            if let Some(id) = line.entry.session_id() {
                text.push_str(&format!(
                    "; they name run {id} of key {:?}, which counts",
                    line.key
                ));
            }
        }
        Some(text)
    }
}
