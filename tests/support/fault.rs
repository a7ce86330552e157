//! A backend that misbehaves on demand: a proxy in front of a good one.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// What the backend does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers as the real one.
    None,
    /// Closes every connection at once.
    Down,
    /// Takes the question and never answers.
    Hang,
    /// Answers with this status and words.
    Status(u16),
    /// Answers 200 with a login page.
    Html,
    /// Ends in the middle of a JSON body.
    HalfJson,
    /// Answers with a body of 200 MB.
    Huge,
}

struct State {
    fault: Fault,
    open: Vec<TcpStream>,
}

/// The proxy; it listens until the test ends.
pub struct FaultyBackend {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl FaultyBackend {
    /// In front of `upstream`, a URL on loopback.
    pub fn new(upstream: &str, fault: Fault) -> Self {
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { fault, open: Vec::new() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let fault = {
                    let mut state = shared.lock().unwrap();
                    state.open.push(client.try_clone().unwrap());
                    state.fault
                };
                let upstream = upstream.clone();
                std::thread::spawn(move || serve(client, fault, &upstream));
            }
        });
        Self { url, state }
    }

    /// Behaves so from now on; open connections are cut.
    pub fn set(&self, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        state.fault = fault;
        for connection in state.open.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn serve(mut client: TcpStream, fault: Fault, upstream: &str) {
    let answer: Vec<u8> = match fault {
        Fault::None => return forward(client, upstream),
        Fault::Down => {
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
        Fault::Hang => {
            // Reads until the other side or the test gives up.
            let _ = std::io::copy(&mut client, &mut std::io::sink());
            return;
        }
        Fault::Status(status) => response(status, "text/plain", b"the backend is having a bad day"),
        Fault::Html => response(200, "text/html", b"<html><body><h1>Please log in</h1></body></html>"),
        Fault::HalfJson => b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n{\"status\":\"success\",\"data\":{\"resu".to_vec(),
        Fault::Huge => b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200000000\r\nConnection: close\r\n\r\n".to_vec(),
    };
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
        line.clear();
    }
    if client.write_all(&answer).is_ok() && fault == Fault::Huge {
        let block = vec![b' '; 1_000_000];
        for _ in 0..200 {
            if client.write_all(&block).is_err() {
                break;
            }
        }
    }
    let _ = client.shutdown(Shutdown::Write);
    let _ = client.read(&mut [0; 64 * 1024]);
}

fn response(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} Fault\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())
        .into_bytes();
    out.extend_from_slice(body);
    out
}

fn forward(mut client: TcpStream, upstream: &str) {
    let Ok(mut server) = TcpStream::connect(upstream) else { return };
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}
