//! Defines the kernel's interface counters. Every renderer and rule uses this one enum.

/// Names a counter of `struct rtnl_link_stats64` (`linux/if_link.h`), in the order of that struct: bytes for `RxBytes` and
/// `TxBytes`, packets for all others, each since the interface was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "findings::counters explains what each means on WireGuard")]
pub enum Counter {
    RxPackets,
    TxPackets,
    RxBytes,
    TxBytes,
    RxErrors,
    TxErrors,
    RxDropped,
    TxDropped,
    Multicast,
    Collisions,
    RxLengthErrors,
    RxOverErrors,
    RxCrcErrors,
    RxFrameErrors,
    RxFifoErrors,
    RxMissedErrors,
    TxAbortedErrors,
    TxCarrierErrors,
    TxFifoErrors,
    TxHeartbeatErrors,
    TxWindowErrors,
    RxCompressed,
    TxCompressed,
    RxNohandler,
    RxOtherhostDropped,
}

use Counter::{
    Collisions, Multicast, RxBytes, RxCompressed, RxCrcErrors, RxDropped, RxErrors, RxFifoErrors, RxFrameErrors,
    RxLengthErrors, RxMissedErrors, RxNohandler, RxOtherhostDropped, RxOverErrors, RxPackets, TxAbortedErrors, TxBytes,
    TxCarrierErrors, TxCompressed, TxDropped, TxErrors, TxFifoErrors, TxHeartbeatErrors, TxPackets, TxWindowErrors,
};

impl Counter {
    /// Holds every counter in the kernel's order: the index is the offset in `IFLA_STATS64`, in units of 8 bytes.
    pub const ALL: [Self; 25] = [
        RxPackets,
        TxPackets,
        RxBytes,
        TxBytes,
        RxErrors,
        TxErrors,
        RxDropped,
        TxDropped,
        Multicast,
        Collisions,
        RxLengthErrors,
        RxOverErrors,
        RxCrcErrors,
        RxFrameErrors,
        RxFifoErrors,
        RxMissedErrors,
        TxAbortedErrors,
        TxCarrierErrors,
        TxFifoErrors,
        TxHeartbeatErrors,
        TxWindowErrors,
        RxCompressed,
        TxCompressed,
        RxNohandler,
        RxOtherhostDropped,
    ];

    /// Holds the nine counters that every output shows first, in the order of the JSON document.
    pub const MAIN: [Self; 9] =
        [RxBytes, TxBytes, RxPackets, TxPackets, RxErrors, TxErrors, RxDropped, TxDropped, Multicast];

    /// Returns the other sixteen: the parts of `rx_errors` and `tx_errors`, and counters of the network core.
    pub fn detail() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|counter| !Self::MAIN.contains(counter))
    }

    /// Returns the kernel's name of the counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RxPackets => "rx_packets",
            TxPackets => "tx_packets",
            RxBytes => "rx_bytes",
            TxBytes => "tx_bytes",
            RxErrors => "rx_errors",
            TxErrors => "tx_errors",
            RxDropped => "rx_dropped",
            TxDropped => "tx_dropped",
            Multicast => "multicast",
            Collisions => "collisions",
            RxLengthErrors => "rx_length_errors",
            RxOverErrors => "rx_over_errors",
            RxCrcErrors => "rx_crc_errors",
            RxFrameErrors => "rx_frame_errors",
            RxFifoErrors => "rx_fifo_errors",
            RxMissedErrors => "rx_missed_errors",
            TxAbortedErrors => "tx_aborted_errors",
            TxCarrierErrors => "tx_carrier_errors",
            TxFifoErrors => "tx_fifo_errors",
            TxHeartbeatErrors => "tx_heartbeat_errors",
            TxWindowErrors => "tx_window_errors",
            RxCompressed => "rx_compressed",
            TxCompressed => "tx_compressed",
            RxNohandler => "rx_nohandler",
            RxOtherhostDropped => "rx_otherhost_dropped",
        }
    }
}

/// Holds the 64-bit counters of one interface (`IFLA_STATS64`), in bytes or packets as [`Counter`] says; `None` if the
/// kernel did not send one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InterfaceStats([Option<u64>; Counter::ALL.len()]);

impl InterfaceStats {
    /// Reads an `IFLA_STATS64` attribute: native-endian `u64`s. An older kernel sends a shorter one, and the last
    /// counters stay unknown. Counters that a newer kernel adds at the end are ignored.
    #[must_use]
    pub fn from_stats64(attribute: &[u8]) -> Self {
        let mut stats = Self::default();
        for (value, bytes) in stats.0.iter_mut().zip(attribute.as_chunks().0) {
            *value = Some(u64::from_ne_bytes(*bytes));
        }
        stats
    }

    /// Uses values in the order of [`Counter::ALL`], in bytes or packets. Missing values at the end are unknown.
    #[must_use]
    pub fn from_values(values: &[Option<u64>]) -> Self {
        let mut stats = Self::default();
        for (value, known) in stats.0.iter_mut().zip(values) {
            *value = *known;
        }
        stats
    }

    /// Returns one counter's value since the interface was created, in bytes or packets as [`Counter`] says.
    #[must_use]
    pub fn get(&self, counter: Counter) -> Option<u64> {
        self.0.get(counter as usize).copied().flatten()
    }
}

/// Holds one value for each of the nine counters of [`Counter::MAIN`], in that order: totals, rates, or readings, in bytes or
/// packets as [`Counter`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MainCounters<T>(pub [T; Counter::MAIN.len()]);

impl<T> MainCounters<T> {
    /// Calls `value` for each of the nine counters.
    pub fn from_fn(value: impl FnMut(Counter) -> T) -> Self {
        Self(Counter::MAIN.map(value))
    }

    /// Returns each counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, &T)> {
        Counter::MAIN.into_iter().zip(&self.0)
    }
}

impl<T: Copy> MainCounters<Option<T>> {
    /// Returns the value of one counter, in bytes or packets as [`Counter`] says; `None` also for a counter that is not one of
    /// the nine.
    #[must_use]
    pub fn get(&self, counter: Counter) -> Option<T> {
        let index = Counter::MAIN.iter().position(|&main| main == counter)?;
        self.0.get(index).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_at_its_own_index() {
        for (index, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index, "{}", counter.name());
        }
    }

    #[test]
    fn main_and_detail_are_all() {
        assert_eq!(Counter::MAIN.len() + Counter::detail().count(), Counter::ALL.len());
    }

    #[test]
    fn missing_counter_of_an_older_kernel_is_unknown() {
        // Linux 4.5: 23 counters, before rx_nohandler.
        let stats = InterfaceStats::from_stats64(&7_u64.to_ne_bytes().repeat(23));
        assert_eq!(stats.get(Counter::TxCompressed), Some(7));
        assert_eq!(stats.get(Counter::RxNohandler), None);
        assert_eq!(stats.get(Counter::RxOtherhostDropped), None);
    }

    #[test]
    fn extra_counter_of_a_newer_kernel_is_ignored() {
        let stats = InterfaceStats::from_stats64(&u64::MAX.to_ne_bytes().repeat(40));
        assert!(Counter::ALL.iter().all(|&counter| stats.get(counter) == Some(u64::MAX)));
    }
}
