//! Defines the budgets of wgstat on the loads L1 to L4.

use super::load::{EXPORT_METRICS, STATUS, STATUS_JSON};
use super::report::Quantity;
use super::scrape::{GZIP, IDLE, PLAIN};

/// The factor that a result may be over its budget: at 10,000 peers one run differs from the next by 3 %.
pub(super) const TOLERANCE: f64 = 1.03;

/// Budget of `check` on L5, in multiples of the floor's instructions.
pub(super) const CHECK_BUDGET: f64 = 10.0;

/// Holds a result that is over its budget and accepted, with the reason. The test fails if it gets worse by more than
/// [`TOLERANCE`].
pub(super) struct Accepted {
    /// The load.
    pub(super) load: &'static str,
    /// The command or the kind of scrape.
    pub(super) subject: &'static str,
    /// What is over the budget.
    pub(super) quantity: Quantity,
    /// The measured result that is accepted, in the unit of the quantity.
    pub(super) value: f64,
    /// Why it is over the budget, for the report.
    pub(super) reason: &'static str,
}

/// Holds the limits of one quantity of one subject.
pub(super) struct Budget {
    /// The command or the kind of scrape.
    pub(super) subject: &'static str,
    /// What is limited.
    pub(super) quantity: Quantity,
    /// The limits on L1 to L4, in the unit of the quantity; `None` is no limit.
    pub(super) limits: [Option<f64>; 4],
}

/// All budgets, in the order of the tables.
pub(super) const BUDGETS: [Budget; 11] = [
    instructions(STATUS_JSON, [1.42, 8.5, 37.0, 1.7]),
    instructions(EXPORT_METRICS, [1.42, 8.5, 37.0, 1.7]),
    instructions(STATUS, [2.2, 20.0, 28.0, 3.0]),
    instructions(PLAIN, [0.19, 7.5, 36.0, 0.36]),
    instructions(GZIP, [0.5, 15.0, 100.0, 0.8]),
    Budget {
        subject: PLAIN,
        quantity: Quantity::SystemCalls,
        limits: [Some(15.0), Some(220.0), Some(80.0), Some(20.0)],
    },
    resident(STATUS_JSON, [Some(4.0), None, Some(7.0), None]),
    resident(EXPORT_METRICS, [Some(4.0), None, Some(7.0), None]),
    resident(STATUS, [Some(4.0), None, Some(7.0), None]),
    resident(IDLE, [Some(4.0), None, None, None]),
    resident(PLAIN, [None, None, Some(14.0), None]),
];

/// Why the short runs are over the budget.
const START: &str = "half of a short run is the start of the process: page faults of a position-independent binary in plain order, \
                     and clap";
/// Why compressed scrapes are over the budget.
const DEFLATE: &str = "`zlib-rs` at level 1 takes about 24 instructions per byte";
/// Why an idle server is over the budget.
const MAPPED: &str = "the code that ran at startup stays mapped";

/// The results over the budget.
pub(super) const ACCEPTED: [Accepted; 7] = [
    accepted("L1", STATUS_JSON, Quantity::Instructions, 1.9, START),
    accepted("L4", STATUS_JSON, Quantity::Instructions, 2.0, START),
    accepted("L1", EXPORT_METRICS, Quantity::Instructions, 1.9, START),
    accepted("L4", EXPORT_METRICS, Quantity::Instructions, 2.0, START),
    accepted("L2", GZIP, Quantity::Instructions, 17.7, DEFLATE),
    accepted("L3", GZIP, Quantity::Instructions, 120.3, DEFLATE),
    accepted("L1", IDLE, Quantity::Resident, 4.3, MAPPED),
];

const fn accepted(
    load: &'static str,
    subject: &'static str,
    quantity: Quantity,
    value: f64,
    reason: &'static str,
) -> Accepted {
    Accepted { load, subject, quantity, value, reason }
}

const fn instructions(subject: &'static str, limits: [f64; 4]) -> Budget {
    let [l1, l2, l3, l4] = limits;
    Budget { subject, quantity: Quantity::Instructions, limits: [Some(l1), Some(l2), Some(l3), Some(l4)] }
}

const fn resident(subject: &'static str, limits: [Option<f64>; 4]) -> Budget {
    Budget { subject, quantity: Quantity::Resident, limits }
}
