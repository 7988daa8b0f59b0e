//! Archives with one file: enough to carry a file from one container into another.
//!
//! POSIX.1-2017, pax: the ustar header, and the records of a pax header that come before it.

const BLOCK: usize = 512;

pub(super) struct File {
    /// The header as it was read: mode, owner and time are taken over.
    header: [u8; BLOCK],
    bytes: Vec<u8>,
}

/// The first regular file of an archive.
pub(super) fn first_file(archive: &[u8]) -> Option<File> {
    let mut rest = archive;
    loop {
        let header: &[u8; BLOCK] = rest.first_chunk()?;
        let size = usize::try_from(octal(&header[124..136])?).ok()?;
        let padded = size.checked_next_multiple_of(BLOCK)?;
        match header[156] {
            b'0' | 0 => {
                return Some(File {
                    header: *header,
                    bytes: rest.get(BLOCK..BLOCK.checked_add(size)?)?.to_vec(),
                });
            }
            // What pax and GNU say ahead of a file: longer names, finer times.
            b'x' | b'g' | b'L' | b'K' => rest = rest.get(BLOCK.checked_add(padded)?..)?,
            _ => return None,
        }
    }
}

/// Whether a path can be written as ustar has it.
pub(super) fn fits(path: &str) -> bool {
    split(path).is_some()
}

/// An archive with a file under another path; folders that are not there are made on the way.
pub(super) fn with(path: &str, file: &File) -> Option<Vec<u8>> {
    let (prefix, name) = split(path)?;
    let mut header = file.header;
    header[..100].fill(0);
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[345..500].fill(0);
    header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());

    let mut archive = header.to_vec();
    archive.extend_from_slice(&file.bytes);
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    Some(archive)
}

/// Prefix and name: at most 155 and 100 bytes, with a slash between.
fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    if path.is_empty() {
        return None;
    }
    if path.len() <= 100 {
        return Some(("", path));
    }
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let at = slashes.find(|at| path.len() - at - 1 <= 100)?;
    (at <= 155).then(|| (&path[..at], &path[at + 1..]))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(['\0', ' ']);
    u64::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_all_but_its_path() {
        let mut header = [0; BLOCK];
        header[..6].copy_from_slice(b"c.conf");
        header[100..108].copy_from_slice(b"0000444\0");
        header[108..116].copy_from_slice(b"0001750\0");
        header[124..136].copy_from_slice(b"00000000005\0");
        header[136..148].copy_from_slice(b"14371573311\0");
        header[156] = b'0';
        let file = File {
            header,
            bytes: b"hello".to_vec(),
        };
        let long = format!("/etc/{}/{}", "d".repeat(90), "f".repeat(90));
        for path in ["/etc/app/c.conf", &long] {
            let archive = with(path, &file).unwrap();
            assert_eq!(archive.len(), 4 * BLOCK);
            let read = first_file(&archive).unwrap();
            assert_eq!(read.bytes, b"hello");
            assert_eq!(read.header[100..148], header[100..148]);
        }
        assert_eq!(split("/etc/app/c.conf"), Some(("", "etc/app/c.conf")));
        assert!(!fits(&format!("/{}", "f".repeat(101))));
    }
}
