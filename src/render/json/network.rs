//! Defines the networks in a document.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::document::{Json, counters_schema, document, write_array, write_counters};
use super::peer::Peers;
use crate::model::{Counter, InterfaceStats, MainCounters, Network, PublicKey};
use crate::rates::NetworkRates;
use crate::render::Report;
use crate::render::out_buf::OutBuf;

document! {
    /// One WireGuard interface.
    #[schemars(rename = "Network")]
    struct NetworkDocument<'a> {
        /// The number from the configuration, else the ifindex; null if no link of this namespace belongs to the daemon.
        id: Option<u32>,
        /// Its friendly name, else the name of the interface.
        name: Cow<'a, str>,
        /// The name of the interface; bytes that are not UTF-8 become `\xNN`.
        interface: Cow<'a, str>,
        /// The network namespace, if one was requested.
        netns: Option<&'a str>,
        /// The kernel's index of the link. Together with `netns` it identifies the network.
        ifindex: Option<u32>,
        /// The alias of the link.
        alias: Option<Cow<'a, str>>,
        /// Whether the link is administratively up.
        enabled: Option<bool>,
        /// Whether the link is running.
        up: Option<bool>,
        /// RFC 2863 state, in the words of `ip link`.
        operstate: Option<&'static str>,
        /// The implementation of WireGuard.
        #[schemars(extend("enum" = ["Linux kernel", "userspace", "unknown"]))]
        device_type: &'static str,
        /// MTU of inner packets, in bytes.
        mtu: Option<u32>,
        /// UDP port.
        listen_port: Option<u16>,
        /// The public key of this end.
        public_key: Option<PublicKey>,
        /// Mark of outer packets; 0 means none.
        fwmark: Option<u32>,
        /// The nine main counters since the interface was created; null if the kernel did not send one.
        interface_stats: InterfaceStatsDocument,
        /// The other counters.
        interface_stats_detail: InterfaceStatsDetail<'a>,
        /// Growth of the nine main counters per second; null without an interval.
        rates: Option<NetworkRatesDocument>,
        /// The peers in the order of the kernel; null if they could not be read.
        peers: Option<Peers<'a>>,
    }
}

impl<'a> NetworkDocument<'a> {
    fn new(network: &'a Network, rates: Option<&'a NetworkRates>, report: &Report<'_>) -> Self {
        Self {
            id: network.id.or(network.ifindex),
            name: network.label(),
            interface: network.interface.text(),
            netns: network.netns.as_deref(),
            ifindex: network.ifindex,
            alias: network.alias.as_ref().map(|alias| alias.text()),
            enabled: network.enabled,
            up: network.up,
            operstate: network.operstate,
            device_type: network.backend.device_type(),
            mtu: network.mtu,
            listen_port: network.listen_port,
            public_key: network.public_key,
            fwmark: network.fwmark,
            interface_stats: InterfaceStatsDocument {
                counters: MainCounters::from_fn(|counter| network.stats.get(counter)),
            },
            interface_stats_detail: InterfaceStatsDetail(&network.stats),
            rates: rates.map(NetworkRatesDocument::from),
            peers: Peers::new(network, rates, report),
        }
    }
}

/// The nine main counters of an interface.
#[derive(JsonSchema)]
#[schemars(rename = "InterfaceStats")]
struct InterfaceStatsDocument {
    #[schemars(flatten)]
    counters: MainCounters<Option<u64>>,
}

impl Json for InterfaceStatsDocument {
    fn write(&self, out: &mut OutBuf<'_>) {
        self.counters.write(out);
    }
}

/// The other counters of `struct rtnl_link_stats64`.
struct InterfaceStatsDetail<'a>(&'a InterfaceStats);

impl Json for InterfaceStatsDetail<'_> {
    fn write(&self, out: &mut OutBuf<'_>) {
        out.push(b'{');
        write_counters(out, Counter::detail().map(|counter| (counter, self.0.get(counter))));
        out.push(b'}');
    }
}

impl JsonSchema for InterfaceStatsDetail<'_> {
    fn schema_name() -> Cow<'static, str> {
        "InterfaceStatsDetail".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = counters_schema::<Option<u64>>(generator, Counter::detail());
        schema.insert("description".to_owned(), "The other counters of `struct rtnl_link_stats64`.".into());
        schema
    }
}

document! {
    /// Growth of the nine main counters per second.
    #[schemars(rename = "NetworkRates")]
    struct NetworkRatesDocument {
        /// Seconds between the two samples.
        interval_seconds: f64,
        /// Whether the counters were reset in between; then all rates are null.
        reset: bool,
        ..counters: MainCounters<Option<f64>>,
    }
}

impl From<&NetworkRates> for NetworkRatesDocument {
    fn from(rates: &NetworkRates) -> Self {
        Self { interval_seconds: rates.interval, reset: rates.reset, counters: rates.counters }
    }
}

/// The networks of a report. Their documents are made while they are written, one after the other.
pub(super) struct Networks<'a>(pub(super) &'a Report<'a>);

impl Json for Networks<'_> {
    fn write(&self, out: &mut OutBuf<'_>) {
        let Self(report) = self;
        let rates = report.rates.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        let networks = report.snapshot.networks.iter().zip(rates);
        write_array(out, networks.map(|(network, rates)| NetworkDocument::new(network, rates, report)));
    }
}

impl JsonSchema for Networks<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Networks".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<NetworkDocument<'_>>::json_schema(generator)
    }
}
