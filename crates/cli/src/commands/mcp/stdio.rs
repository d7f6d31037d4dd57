//! [`Stdio`]: the transport. Messages of MCP are lines of JSON on standard input and output.
//!
//! In place of the one of `rmcp`, which writes characters that a terminal obeys, does not say when standard
//! input ends, makes the server give up at a notification ahead of the first request, and replies nothing to
//! what is no message ([`Malformed`]).

use std::io;

use rmcp::RoleServer;
use rmcp::model::{ClientRequest, GetMeta, JsonRpcMessage, ProtocolVersion};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::{mpsc, watch};

use super::malformed::{Malformed, read_message};
use crate::output::JsonLines;

/// The longest message that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// A line, unless it is too long.
type Line = Result<Vec<u8>, Malformed>;

/// Standard input and output.
pub(super) struct Stdio {
    lines: mpsc::Receiver<Line>,
    output: JsonLines,
    /// Whether a request has come by which the server begins.
    has_begun: bool,
}

impl Stdio {
    /// Reads from now on. `closing` becomes true when standard input ends.
    pub(super) fn open(output: JsonLines, closing: watch::Sender<bool>) -> Self {
        // What is read on a task of its own is not lost where `receive` is dropped.
        let (read, lines) = mpsc::channel(1);
        tokio::spawn(async move {
            // A standard input that cannot be read is one that has ended.
            let _ = read_lines(tokio::io::stdin(), read).await;
            closing.send_replace(true);
        });
        Self {
            lines,
            output,
            has_begun: false,
        }
    }
}

/// Reads lines to the end. Of one that is too long, only that is said.
async fn read_lines(input: impl AsyncRead + Unpin, read: mpsc::Sender<Line>) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let mut is_too_long = false;
    loop {
        let mut line = vec![];
        let mut part = (&mut input).take(LONGEST);
        let length = part.read_until(b'\n', &mut line).await?;
        let was_too_long = is_too_long;
        is_too_long = part.limit() == 0 && !line.ends_with(b"\n");
        let line = match length {
            0 => return Ok(()),
            _ if was_too_long => continue,
            _ if is_too_long => Err(Malformed::too_long(LONGEST)),
            _ => Ok(line),
        };
        // Fails if nobody reads them any more.
        if read.send(line).await.is_err() {
            return Ok(());
        }
    }
}

/// Whether the server begins by it. Ahead of that, it gives up at anything but a request.
fn begins(request: &ClientRequest) -> bool {
    let meta = request.get_meta();
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        _ => {
            let version = meta.protocol_version();
            let is_known = version.is_some_and(|it| ProtocolVersion::KNOWN_VERSIONS.contains(&it));
            let missing = meta.missing_required_keys(&ProtocolVersion::V_2026_07_28);
            is_known && missing.is_empty()
        }
    }
}

impl Transport<RoleServer> for Stdio {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        std::future::ready(self.output.write(&message))
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            let line = self.lines.recv().await?;
            let message = match line.and_then(|line| read_message(&line)) {
                Ok(Some(message)) => message,
                Ok(None) => continue,
                Err(malformed) => {
                    tracing::debug!(?malformed, "a line that is no message is refused");
                    // Where it cannot be written, the command learns it from the output.
                    let _ = self.output.write(&malformed.reply());
                    continue;
                }
            };
            if let JsonRpcMessage::Request(request) = &message {
                self.has_begun |= begins(&request.request);
                return Some(message);
            }
            if self.has_begun {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &[u8]) -> Vec<Line> {
        let (sender, mut lines) = mpsc::channel(10);
        read_lines(input, sender).await.unwrap();
        let mut read = vec![];
        while let Some(line) = lines.recv().await {
            read.push(line);
        }
        read
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_refused_alone() {
        let longest = usize::try_from(LONGEST).unwrap();
        for (length, is_read) in [
            (longest - 1, true),
            (longest, false),
            (2 * longest + 5, false),
        ] {
            let input = [b"first\n".to_vec(), vec![b'a'; length], b"\nlast".to_vec()].concat();
            let lines = read(&input).await;
            let lengths: Vec<_> = lines
                .iter()
                .map(|line| line.as_ref().ok().map(Vec::len))
                .collect();
            let middle = is_read.then_some(longest);
            assert_eq!(lengths, [Some(6), middle, Some(4)], "{length}");
        }
    }
}
