//! One request and one response on a blocking socket, for a server without a runtime.

use std::io::Read;

use super::reply::response;

/// Reads one request from a blocking socket: its head and body. `None` at the connection's end.
pub(crate) fn read_request(stream: &mut std::net::TcpStream) -> Option<(String, String)> {
    let mut bytes = vec![];
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return Some((head, body.to_owned()));
            }
        }
        match stream.read(&mut chunk) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}

/// A whole response for a blocking socket.
pub(crate) fn http_response(status: u16, body: &str) -> String {
    let json = [("Content-Type", "application/json".to_owned())];
    response(status, &json, body)
}
