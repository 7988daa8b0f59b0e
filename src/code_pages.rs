//! Gives the memory back that holds code. Two thirds of what a server has ever run only the start has
//! needed: the command line, the configuration, migrations.

use std::ffi::c_void;
use std::fs;
use std::io;
use std::ops::Range;

use rustix::mm::{Advice, madvise};

/// Forgets which pages of this program's code are in memory. What runs is found again, most of it in the
/// page cache.
pub(crate) fn forget() -> io::Result<()> {
    let program = fs::read_link("/proc/self/exe")?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    for mapping in maps.lines().filter_map(code) {
        if program.as_os_str() != mapping.path {
            continue;
        }
        let Range { start, end } = mapping.addresses;
        // SAFETY: The kernel has just said that this is a private mapping of a file, which can be read
        // and run and not written. So each page of it is as it is in the file, where the kernel reads it
        // when it is next touched; nothing is lost, whoever runs in it meanwhile. A program is mapped for
        // as long as its process lives.
        #[expect(unsafe_code, reason = "the advice concerns memory by its address")]
        unsafe {
            madvise(
                std::ptr::with_exposed_provenance_mut::<c_void>(start),
                end - start,
                Advice::LinuxDontNeed,
            )?;
        }
    }
    Ok(())
}

struct Mapping<'m> {
    addresses: Range<usize>,
    path: &'m str,
}

/// A line of `/proc/self/maps` (proc(5)), if it is code that can not be changed.
fn code(line: &str) -> Option<Mapping<'_>> {
    // The path is the last, and may hold spaces.
    let mut fields = line.splitn(6, ' ');
    let addresses = fields.next()?;
    if fields.next()? != "r-xp" {
        return None;
    }
    let (start, end) = addresses.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(Mapping {
        addresses: address(start)?..address(end)?,
        path: fields.nth(3)?.trim_start(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_data() {
        let line = "5589eebc4000-5589f0dcb000 r-xp 009cf000 fe:00 8430384     /opt/a b/berth";
        let mapping = code(line).unwrap();
        assert_eq!(mapping.addresses, 0x5589_eebc_4000..0x5589_f0dc_b000);
        assert_eq!(mapping.path, "/opt/a b/berth");
        assert!(code(&line.replace("r-xp", "rwxp")).is_none());
        assert!(code(&line.replace("r-xp", "r--p")).is_none());
        assert!(code("7ffd6d9fe000-7ffd6da00000 r-xp 00000000 00:00 0").is_none());
    }

    #[test]
    fn a_program_runs_on_without_its_code() {
        for _ in 0..3 {
            forget().unwrap();
            assert_eq!(
                format!("{:?}", (1..4).rev().collect::<Vec<_>>()),
                "[3, 2, 1]"
            );
        }
    }
}
