//! A tar archive in memory, of what a layer needs.

const BLOCK: usize = 512;

pub(super) enum Kind<'a> {
    Folder,
    Program(&'a [u8]),
    Link(&'a str),
}

/// The entries of a layer, in their order, always with the same bytes.
pub(super) fn archive(entries: &[(&str, Kind<'_>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, kind) in entries {
        let (flag, target, content): (u8, &str, &[u8]) = match kind {
            Kind::Folder => (b'5', "", b""),
            Kind::Program(content) => (b'0', "", content),
            Kind::Link(target) => (b'2', target, b""),
        };
        bytes.extend_from_slice(&header(path, flag, target, content.len()));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// POSIX ustar: numbers are octal digits.
fn header(path: &str, flag: u8, target: &str, size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000755");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(157, target);
    put(257, "ustar");
    put(263, "00");
    block[156] = flag;
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
