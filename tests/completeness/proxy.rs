//! A bad network: what comes from the server is late and slow, and connections are cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Each piece that comes from the server waits so long: at most 64 KiB in 8 ms, 8 MB/s.
const DELAY: Duration = Duration::from_millis(8);
const PIECE: usize = 64 * 1024;
/// All open connections are cut so often.
const CUT: Duration = Duration::from_secs(4);

pub struct Proxy {
    address: SocketAddr,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (open, cuts) = (Arc::new(Mutex::new(Vec::<TcpStream>::new())), Arc::new(AtomicUsize::new(0)));
        let (cutting, count) = (open.clone(), cuts.clone());
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(CUT);
                for connection in cutting.lock().unwrap().drain(..) {
                    count.fetch_add(usize::from(connection.shutdown(Shutdown::Both).is_ok()), Ordering::Relaxed);
                }
            }
        });
        let upstream = upstream.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                open.lock().unwrap().push(client.try_clone().unwrap());
                let upstream = upstream.clone();
                std::thread::spawn(move || serve(client, &upstream));
            }
        });
        Self { address, cuts }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

fn serve(client: TcpStream, upstream: &str) {
    let Ok(server) = TcpStream::connect(upstream) else {
        let _ = client.shutdown(Shutdown::Both);
        return;
    };
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || copy(from_client, to_server, Duration::ZERO));
    copy(server, client, DELAY);
}

fn copy(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let mut piece = vec![0; PIECE];
    while let Ok(n @ 1..) = from.read(&mut piece) {
        std::thread::sleep(delay);
        if to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
