//! [`Stdio`]: the transport. Messages of MCP are lines of JSON on standard input and output.
//!
//! In place of the one of `rmcp`, which writes characters that a terminal obeys, does not say when standard
//! input ends, and makes the server give up at a notification ahead of the first request.

use std::io;

use rmcp::RoleServer;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::{mpsc, watch};

use crate::output::JsonLines;

/// The longest message that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Standard input and output.
pub(super) struct Stdio {
    lines: mpsc::Receiver<Vec<u8>>,
    output: JsonLines,
    /// Whether a request has come.
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

/// Reads lines to the end, without those that are too long.
async fn read_lines(input: impl AsyncRead + Unpin, read: mpsc::Sender<Vec<u8>>) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let mut is_too_long = false;
    loop {
        let mut line = vec![];
        let mut part = (&mut input).take(LONGEST);
        let length = part.read_until(b'\n', &mut line).await?;
        let was_too_long = is_too_long;
        is_too_long = part.limit() == 0 && !line.ends_with(b"\n");
        match length {
            0 => return Ok(()),
            _ if was_too_long || is_too_long => {
                tracing::debug!("a message that is too long is skipped")
            }
            // Fails if nobody reads them any more.
            _ if read.send(line).await.is_err() => return Ok(()),
            _ => {}
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
            let message = match serde_json::from_slice(&line) {
                Ok(message) => message,
                // Nothing is replied: it may be a reply itself, and an answer to it would have no end.
                Err(error) => {
                    tracing::debug!(%error, "a line that is no message is skipped");
                    continue;
                }
            };
            // The server would give up at anything but a request.
            self.has_begun |= matches!(message, JsonRpcMessage::Request(_));
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

    async fn read(input: &[u8]) -> Vec<Vec<u8>> {
        let (sender, mut lines) = mpsc::channel(10);
        read_lines(input, sender).await.unwrap();
        let mut read = vec![];
        while let Some(line) = lines.recv().await {
            read.push(line);
        }
        read
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_alone() {
        let longest = usize::try_from(LONGEST).unwrap();
        let fits = [vec![b'a'; longest - 1], b"\n".to_vec()].concat();
        for (length, is_read) in [
            (longest - 1, true),
            (longest, false),
            (2 * longest + 5, false),
        ] {
            let input = [b"first\n".to_vec(), vec![b'a'; length], b"\nlast".to_vec()].concat();
            let lines = read(&input).await;
            assert_eq!(lines.contains(&fits), is_read, "{length}");
            assert_eq!(lines.first().unwrap(), b"first\n");
            assert_eq!(lines.last().unwrap(), b"last");
            assert_eq!(lines.len(), 2 + usize::from(is_read), "{length}");
        }
    }
}
