use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it looks whether the port is free: far less than a container takes to start.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// Takes a port in the moment in which whoever has it lets go.
pub struct Thief {
    ends: Arc<AtomicBool>,
    stolen: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Thief {
    pub fn lie_in_wait(address: SocketAddr) -> Self {
        let (ends, stolen) = (Arc::default(), Arc::default());
        let thread = thread::spawn({
            let (ends, stolen) = (Arc::clone(&ends), Arc::clone(&stolen));
            move || steal(address, &ends, &stolen)
        });
        Self {
            ends,
            stolen,
            thread: Some(thread),
        }
    }

    pub fn has_it(&self) -> bool {
        self.stolen.load(Ordering::SeqCst)
    }

    pub fn let_go(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it does not panic");
        }
    }
}

impl Drop for Thief {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn steal(address: SocketAddr, ends: &AtomicBool, stolen: &AtomicBool) {
    let mut held = None;
    while !ends.load(Ordering::SeqCst) {
        if held.is_none() {
            held = TcpListener::bind(address).ok();
            stolen.store(held.is_some(), Ordering::SeqCst);
        }
        thread::sleep(LOOK_EVERY);
    }
}
