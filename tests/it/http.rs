//! A small HTTP service on this machine, for plugins that ask others.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a service was sent: objects with `head` and `body`, in the order of arrival.
pub type Requests = Arc<Mutex<Vec<Value>>>;

/// Answers each request with the status and body that `answer` gives for its number. Returns the address.
pub fn serve(
    answer: impl Fn(usize) -> (u16, String) + Send + Sync + 'static,
) -> (String, Requests) {
    respond(move |number| {
        let (status, body) = answer(number);
        (status, String::new(), body)
    })
}

/// The same with further lines of the head, and no body.
pub fn serve_head(
    answer: impl Fn(usize) -> (u16, String) + Send + Sync + 'static,
) -> (String, Requests) {
    respond(move |number| {
        let (status, head) = answer(number);
        (status, head, String::new())
    })
}

fn respond(
    answer: impl Fn(usize) -> (u16, String, String) + Send + Sync + 'static,
) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = requests.clone();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (seen, answer) = (seen.clone(), answer.clone());
            // A client that went away is no concern of ours.
            thread::spawn(move || reply(stream.unwrap(), &seen, &*answer).ok());
        }
    });
    (address, requests)
}

fn reply(
    stream: TcpStream,
    seen: &Requests,
    answer: &impl Fn(usize) -> (u16, String, String),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let length = head.lines().find_map(|line| {
        let line = line.to_lowercase();
        line.strip_prefix("content-length:")?.trim().parse().ok()
    });
    let mut sent = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut sent)?;
    let sent: Value = serde_json::from_slice(&sent).unwrap_or(Value::Null);
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(json!({"head": head, "body": sent}));
        seen.len() - 1
    };
    let (status, more, body) = answer(number);
    let length = body.len();
    write!(
        reader.into_inner(),
        "HTTP/1.1 {status} X\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// What a chat completions endpoint answers.
pub fn completion(text: &str) -> String {
    json!({"choices": [{"message": {"role": "assistant", "content": text}}]}).to_string()
}
