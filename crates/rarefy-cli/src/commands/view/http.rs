//! As much of HTTP/1.1 as a page on one's own machine takes: one request a connection, GET and HEAD, an answer of known length.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Bytes of a request at most, and its header fields.
const LONGEST_REQUEST: usize = 16 << 10;
const MOST_FIELDS: usize = 64;
/// How long a browser may take to send its request, or to take a piece of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a page may do: run what stands in it, load nothing, be framed by nobody.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: &'static str,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

impl Answer {
    /// A page.
    pub(super) fn page(body: String) -> Self {
        Self { status: "200 OK", kind: "text/html; charset=utf-8", body }
    }

    /// A line of text.
    pub(super) fn text(status: &'static str, text: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: format!("{text}\n") }
    }
}

/// What a browser asks for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    head_only: bool,
    path: String,
}

/// Reads the request of a connection and answers it with what `answer` makes of its path.
pub(super) fn converse(
    mut stream: TcpStream,
    address: SocketAddr,
    answer: impl FnOnce(&str) -> Answer,
) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    let mut piece = [0; 2048];
    let (answer, head_only) = loop {
        match stream.read(&mut piece)? {
            // The browser opened a connection that it did not need.
            0 => return Ok(()),
            count => bytes.extend_from_slice(&piece[..count]),
        }
        match request(&bytes, address) {
            Ok(Some(request)) => break (answer(&request.path), request.head_only),
            Ok(None) if bytes.len() < LONGEST_REQUEST => {}
            Ok(None) => break (Answer::text("431 Request Header Fields Too Large", "the request is too long"), false),
            Err(refusal) => break (refusal, false),
        }
    };
    let Answer { status, kind, body } = answer;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    if !head_only {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

/// The request once it is whole, or why it is refused.
fn request(bytes: &[u8], address: SocketAddr) -> Result<Option<Request>, Answer> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(Answer::text("400 Bad Request", &error.to_string())),
    }
    let host = parsed.headers.iter().find(|field| field.name.eq_ignore_ascii_case("host")).map(|field| field.value);
    let own = [address.to_string(), format!("localhost:{}", address.port())];
    if !own.iter().any(|own| host == Some(own.as_bytes())) {
        return Err(Answer::text("403 Forbidden", "this address is for the browser on this machine"));
    }
    let head_only = match parsed.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Answer::text("405 Method Not Allowed", "only GET and HEAD")),
    };
    Ok(Some(Request { head_only, path: parsed.path.unwrap_or("/").to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<Request>, Answer> {
        request(text.as_bytes(), SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    #[test]
    fn a_request_is_read_once_it_is_whole() {
        let whole = "GET /2 HTTP/1.1\r\nhOsT: localhost:8080\r\n\r\n";
        assert_eq!(parsed(whole), Ok(Some(Request { head_only: false, path: "/2".into() })));
        assert_eq!(parsed(&whole[..whole.len() - 1]), Ok(None));
        let head = parsed("HEAD / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n").unwrap().unwrap();
        assert!(head.head_only);
    }

    #[test]
    fn other_hosts_methods_and_nonsense_are_refused() {
        let status = |text: &str| parsed(text).unwrap_err().status;
        assert_eq!(status("GET / HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n"), "403 Forbidden");
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "403 Forbidden");
        assert_eq!(status("POST / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"), "405 Method Not Allowed");
        assert_eq!(status("\u{1}\u{2}\r\n\r\n"), "400 Bad Request");
    }
}
