use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A way to a server on which connections break: it passes bytes on, and counts those of clients.
pub struct Cutter {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Of clients, in all.
    sent: u64,
    /// Where the next connections are cut, the last first.
    cuts: Vec<u64>,
}

impl Cutter {
    pub fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).expect("the server");
                let shared = Arc::clone(&shared);
                thread::spawn(move || pass(client, server, &shared));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on bytes are counted, and who sends those at these places loses the connection.
    pub fn cut_after(&self, places: &[u64]) {
        let mut state = self.state.lock().expect("the state");
        state.sent = 0;
        state.cuts = places.iter().rev().copied().collect();
    }

    pub fn sent(&self) -> u64 {
        self.state.lock().expect("the state").sent
    }
}

/// Until one of both has enough, or a place is reached.
fn pass(mut client: TcpStream, mut server: TcpStream, state: &Mutex<State>) {
    let mut back = (
        server.try_clone().expect("a socket"),
        client.try_clone().expect("a socket"),
    );
    thread::spawn(move || {
        // A connection that was cut is over.
        let _ = std::io::copy(&mut back.0, &mut back.1);
        let _ = back.1.shutdown(Shutdown::Write);
    });
    let mut piece = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut piece) {
        let cut = {
            let mut state = state.lock().expect("the state");
            state.sent += count as u64;
            let cut = state.cuts.last().is_some_and(|place| state.sent >= *place);
            if cut {
                state.cuts.pop();
            }
            cut
        };
        if server.write_all(&piece[..count]).is_err() || cut {
            break;
        }
    }
    for socket in [client, server] {
        // It may be closed already.
        let _ = socket.shutdown(Shutdown::Both);
    }
}
