//! Tests the netlink parsers with mutated input: no panic and no endless loop. The userspace protocol has such a test
//! next to its parser.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wgstat::collect::Scope;

use crate::common::recording::Recording;
use crate::common::wire::collector;

/// Enough to reach every branch of the parsers many times, and quick in a debug build.
const ROUNDS: u32 = 3000;

/// xorshift64*: the mutations are the same in each run, so that a failure can be reproduced.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(6) {
            let place = self.below(bytes.len());
            let Some(byte) = bytes.get_mut(place) else { return };
            match self.below(5) {
                0 => *byte = self.next().to_le_bytes()[0],
                1 => *byte ^= 1 << self.below(8),
                2 => *byte = [0, 1, 3, 4, 5, 0x7f, 0x80, 0xff][self.below(8)],
                3 => bytes.truncate(place),
                _ => {
                    let from = self.below(bytes.len());
                    let piece = bytes[from..bytes.len().min(from + 8)].to_vec();
                    bytes.splice(place..place, piece);
                }
            }
        }
    }
}

#[test]
fn mutated_replies_never_panic() {
    let fixtures = [
        include_str!("../fixtures/faults.txt"),
        include_str!("../fixtures/networks.txt"),
        include_str!("../fixtures/split-peer.txt"),
    ];
    let (mut usable, mut refused) = (0, 0);
    for (seed, text) in (1..).zip(fixtures) {
        let recording = Recording::parse(text);
        let mut random = Random(seed);
        for round in 0..ROUNDS {
            let mut mutated = recording.clone();
            for datagrams in [&mut mutated.rtnl, &mut mutated.genl] {
                let place = random.below(datagrams.len());
                random.mutate(&mut datagrams[place]);
            }
            let collect = || {
                let (rtnl, genl) = mutated.scripts();
                collector(rtnl, genl).collect(&Scope::default(), mutated.now)
            };
            match catch_unwind(AssertUnwindSafe(collect)) {
                Ok(Ok(_)) => usable += 1,
                Ok(Err(_)) => refused += 1,
                Err(panic) => {
                    println!("fixture {seed}, round {round}:\n{}", mutated.text());
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    // Mutations that change nothing, or that are always fatal, would test little.
    assert!(usable > ROUNDS / 10 && refused > ROUNDS / 10, "{usable} usable, {refused} refused");
}
