use std::net::{Ipv4Addr, TcpListener};

/// A loopback address on which every port is free: nobody else has it while the port that it is made
/// of is held.
pub struct Loopback {
    pub ip: Ipv4Addr,
    _held: TcpListener,
}

impl Loopback {
    pub fn new() -> Self {
        let held = TcpListener::bind("127.0.0.1:0").expect("a port");
        let [high, low] = held.local_addr().expect("a port").port().to_be_bytes();
        Self {
            ip: Ipv4Addr::new(127, 64, high, low),
            _held: held,
        }
    }
}
