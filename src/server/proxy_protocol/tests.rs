use tokio::io::{AsyncWriteExt as _, duplex};

use super::*;

const LONGEST_LINE: &str = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                            ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE_2, &[command, family], &length, rest].concat()
}

fn ipv4() -> Vec<u8> {
    [
        &[192, 0, 2, 1],
        &[198, 51, 100, 1],
        &[0x12, 0x67, 0x01, 0xbb][..],
    ]
    .concat()
}

fn ipv6(source: &str) -> Vec<u8> {
    let source: Ipv6Addr = source.parse().unwrap();
    [&source.octets(), &[0xfd; 16], &[0x12, 0x67, 0x01, 0xbb][..]].concat()
}

fn client(address: &str) -> Source {
    Source::Client(address.parse().unwrap())
}

fn headers() -> Vec<(Vec<u8>, Source)> {
    let lines = [
        (
            "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n",
            client("192.0.2.1"),
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n",
            client("255.255.255.255"),
        ),
        (
            "PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n",
            client("2001:db8::1"),
        ),
        (
            "PROXY TCP6 ::ffff:192.0.2.1 fd00::1 4711 443\r\n",
            client("192.0.2.1"),
        ),
        ("PROXY UNKNOWN\r\n", Source::Unknown),
        ("PROXY UNKNOWN whatever this is\r\n", Source::Unknown),
        (LONGEST_LINE, Source::Unknown),
    ];
    let entries = [ipv4(), vec![0x04, 0x00, 0x01, 0x00]].concat();
    let longest = [ipv4(), vec![0; MOST_REST_BYTES_2 - 12]].concat();
    let binaries = [
        (binary(0x21, 0x11, &ipv4()), client("192.0.2.1")),
        (binary(0x21, 0x11, &entries), client("192.0.2.1")),
        (binary(0x21, 0x11, &longest), client("192.0.2.1")),
        (
            binary(0x21, 0x21, &ipv6("2001:db8::1")),
            client("2001:db8::1"),
        ),
        (
            binary(0x21, 0x21, &ipv6("::ffff:192.0.2.1")),
            client("192.0.2.1"),
        ),
        (binary(0x21, 0x00, &[]), Source::Unknown),
        (binary(0x21, 0x31, &[0; 216]), Source::Unknown),
        (binary(0x20, 0x00, &[]), Source::Peer),
        (binary(0x20, 0x11, &ipv4()), Source::Peer),
    ];
    let lines = lines.map(|(line, source)| (line.as_bytes().to_vec(), source));
    lines.into_iter().chain(binaries).collect()
}

#[test]
fn a_header_is_read_once_it_is_whole() {
    assert_eq!(LONGEST_LINE.len(), MOST_BYTES_1);
    for (header, source) in headers() {
        let bytes = header.len();
        for length in 0..bytes {
            let beginning = read(&header[..length]);
            assert_eq!(beginning, Ok(Beginning::Incomplete), "{length} {header:?}");
        }
        let expected = Ok(Beginning::Header { source, bytes });
        assert_eq!(read(&header), expected, "{header:?}");
        let more = [header.clone(), SIGNATURE_1.to_vec()].concat();
        assert_eq!(read(&more), expected, "{header:?}");
    }
}

#[test]
fn what_begins_otherwise_is_no_header() {
    for bytes in [
        &b"GET /v2/ HTTP/1.1\r\n"[..],
        b"PRI * HTTP/2.0\r\n",
        b"PUT /",
        b"PROXYING",
        b"\r\nGET /",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"\x16\x03\x01",
    ] {
        assert_eq!(read(bytes), Ok(Beginning::Other), "{bytes:?}");
    }
}

#[test]
fn a_header_with_anything_wrong_is_refused() {
    let long = format!("PROXY UNKNOWN {}", "x".repeat(MOST_BYTES_1 - 14));
    assert_eq!(read(long.as_bytes()), Err(Malformed::LongLine));
    assert_eq!(read(&long.as_bytes()[..106]), Ok(Beginning::Incomplete));
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MOST_BYTES_1 - 15));
    assert_eq!(read(long.as_bytes()), Err(Malformed::LongLine));
    for line in [
        "PROXY ",
        "PROXY TCP4",
        "PROXY  TCP4 192.0.2.1 198.51.100.1 4711 443",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443 ",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 +443",
        "PROXY TCP4 192.0.2.1 198.51.100.1 4711 ",
        "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443",
        "PROXY TCP4 192.0.2.1 nobody 4711 443",
        "PROXY TCP4 192.0.2.256 198.51.100.1 4711 443",
        "PROXY TCP4 2001:db8::1 fd00::1 4711 443",
        "PROXY TCP6 192.0.2.1 198.51.100.1 4711 443",
        "PROXY UDP4 192.0.2.1 198.51.100.1 4711 443",
        "PROXY tcp4 192.0.2.1 198.51.100.1 4711 443",
        "PROXY UNKNOWNS",
        "PROXY /v2/ HTTP/1.1",
    ] {
        let header = format!("{line}\r\n");
        assert_eq!(read(header.as_bytes()), Err(Malformed::Line), "{line}");
    }
    let cases = [
        (0x11, 0x11, ipv4(), Malformed::Command(0x11)),
        (0x22, 0x11, ipv4(), Malformed::Command(0x22)),
        (0x21, 0x12, ipv4(), Malformed::Family(0x12)),
        (0x21, 0x41, ipv4(), Malformed::Family(0x41)),
        (0x21, 0x11, ipv4()[..11].to_vec(), Malformed::ShortRest),
        (0x21, 0x21, ipv6("::1")[..35].to_vec(), Malformed::ShortRest),
        (0x20, 0x00, vec![0; 537], Malformed::LongRest(537)),
    ];
    for (command, family, rest, malformed) in cases {
        assert_eq!(read(&binary(command, family, &rest)), Err(malformed));
    }
    let head = [SIGNATURE_2, &[0x21, 0x11, 0xff, 0xff]].concat();
    assert_eq!(read(&head), Err(Malformed::LongRest(0xffff)));
}

#[tokio::test]
async fn what_stands_behind_the_header_is_not_lost_however_it_comes() {
    let others = ["", "G", "GET / HTTP/1.1\r\n\r\n", "PROX", "\r\n\r\n"];
    let others = others.map(|bytes| (Vec::new(), Source::Peer, bytes));
    let behind = headers()
        .into_iter()
        .map(|(header, source)| (header, source, "GET / HTTP/1.1\r\n\r\n"));
    for (header, source, expected) in others.into_iter().chain(behind) {
        let sent = [&header, expected.as_bytes()].concat();
        for piece in [1, 7, 4096] {
            let (mut sender, receiver) = duplex(piece);
            let send = async {
                sender.write_all(&sent).await.unwrap();
                drop(sender);
            };
            let receive = async {
                let (mut stream, source) = receive(receiver).await.unwrap();
                let mut rest = String::new();
                stream.read_to_string(&mut rest).await.unwrap();
                (source, rest)
            };
            let ((), received) = tokio::join!(send, receive);
            assert_eq!(received, (source, expected.to_owned()), "{sent:?}");
        }
    }
}
