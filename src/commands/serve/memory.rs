//! Keeps the memory of a server small, and gives back what only the start needed.
#![expect(unsafe_code, reason = "rustix cannot know that nothing is lost by it")]

use std::fs;
use std::ptr::with_exposed_provenance_mut;

use rustix::mm::{Advice, madvise};
use rustix::thread::disable_transparent_huge_pages;

/// Has the kernel give memory in small pages. It may otherwise give 2 MiB for the first byte of a thread's stack, where that
/// happens to lie so: as much as all the rest of an idle server.
pub(super) fn keep_pages_small() {
    // A kernel that has none needs not be told.
    let _ = disable_transparent_huge_pages(true);
}

/// Lets the kernel take the program's code out of this process's memory; what runs comes back by itself, page by page, and what
/// only the start ran (options, configuration, resolving) does not: a third of what an idle server would keep.
pub(super) fn forget_code() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    let Ok(own) = std::env::current_exe() else { return };
    for (start, end) in maps.lines().filter(|line| line.ends_with(&*own.to_string_lossy())).filter_map(code) {
        // SAFETY: a mapping of a file that can be executed and not written is the same when it is read again. Nothing holds
        // a Rust reference to code.
        let _ = unsafe { madvise(with_exposed_provenance_mut(start), end - start, Advice::LinuxDontNeed) };
    }
}

/// Start and end of a mapping, if it is code: `00401000-008b5000 r-xp …`.
fn code(line: &str) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    rest.starts_with("r-xp ").then_some((number(start)?, number(end)?)).filter(|(start, end)| start < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_forgotten() {
        assert_eq!(code("00401000-00402000 r-xp 00001000 fe:00 1 /x"), Some((0x40_1000, 0x40_2000)));
        for line in
            ["00401000-00402000 rwxp 0 fe:00 1 /x", "00401000-00402000 r--p 0 fe:00 1 /x", "x", "", "2-1 r-xp 0"]
        {
            assert_eq!(code(line), None, "{line}");
        }
        forget_code();
    }
}
