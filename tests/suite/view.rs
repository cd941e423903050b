//! Tests the live view on a virtual screen: its content at several sizes, and its reaction to keys and samples.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use wgstat::collect::Scope;
use wgstat::error::Error;
use wgstat::events::Tracker;
use wgstat::findings::findings;
use wgstat::model::{AllowedIp, Backend, Code, Counter, InterfaceStats, Network, Peer, Problem, PublicKey, Snapshot};
use wgstat::rates::rates;
use wgstat::render::format::Style;
use wgstat::sampler::{Next, Sample, Tick};
use wgstat::tui::{App, Effect, ViewOptions, draw};

use crate::common::recording::Recording;
use crate::common::wire::collector;
use crate::golden::compare;

const INTERVAL: Duration = Duration::from_secs(2);

fn options() -> ViewOptions {
    let style = Style { color: true, unicode: true, ..Style::default() };
    ViewOptions { interval: INTERVAL, count: None, style }
}

/// Returns recorded replies of a kernel: an interface with all faults, and one that is down.
fn recorded() -> Snapshot {
    let parse = |text| {
        let recording = Recording::parse(text);
        let (rtnl, genl) = recording.scripts();
        collector(rtnl, genl).collect(&Scope::default(), recording.now + 78).unwrap()
    };
    let mut snapshot = parse(include_str!("../fixtures/faults.txt"));
    let other = parse(include_str!("../fixtures/networks.txt")).networks.into_iter().nth(1).unwrap();
    snapshot.networks.push(Network { ifindex: Some(900), ..other });
    snapshot.networks[0].name = Some("office".into());
    snapshot.networks[0].peers.as_mut().unwrap()[0].name = Some("Alice's laptop".into());
    snapshot
}

/// Adds to the counters of the first network, and of its first peer.
fn grow(snapshot: &mut Snapshot, growth: &[(Counter, u64)]) {
    let network = &mut snapshot.networks[0];
    let mut values = Counter::ALL.map(|counter| network.stats.get(counter));
    for &(counter, by) in growth {
        values[counter as usize] = values[counter as usize].map(|value| value + by);
        let peer = &mut network.peers.as_mut().unwrap()[0];
        peer.rx_bytes += if counter == Counter::RxBytes { by } else { 0 };
        peer.tx_bytes += if counter == Counter::TxBytes { by } else { 0 };
    }
    network.stats = InterfaceStats::from_values(&values);
}

/// Holds a live view and the snapshot that feeds it.
struct Story {
    app: App,
    snapshot: Snapshot,
    tracker: Tracker,
}

impl Story {
    fn begin(snapshot: Snapshot, options: ViewOptions) -> Self {
        let mut tracker = Tracker::default();
        let found = findings(&snapshot);
        let events = tracker.update(&snapshot, &found);
        let sample = Sample { snapshot: snapshot.clone(), rates: Vec::new(), findings: found };
        Self { app: App::new(Arc::new(Tick { sample: Arc::new(sample), events }), options), snapshot, tracker }
    }

    /// Changes the snapshot and updates the view with it.
    fn tick(&mut self, happens: impl FnOnce(&mut Snapshot)) {
        let before = self.snapshot.clone();
        self.snapshot.timestamp += INTERVAL.as_secs();
        happens(&mut self.snapshot);
        let found = findings(&self.snapshot);
        let events = self.tracker.update(&self.snapshot, &found);
        let rates = rates(&before, &self.snapshot, INTERVAL);
        let sample = Sample { snapshot: self.snapshot.clone(), rates, findings: found };
        self.app.update(Next::Tick(Arc::new(Tick { sample: Arc::new(sample), events })));
        self.app.set_clock(self.snapshot.timestamp);
    }

    /// Returns a view with traffic that rises and falls; the last update has refused packets.
    fn morning(options: ViewOptions) -> Self {
        let mut story = Self::begin(recorded(), options);
        for tick in 0..100_u64 {
            let level = if tick % 40 < 20 { tick % 40 } else { 40 - tick % 40 };
            let mut growth = vec![
                (Counter::RxBytes, level * 300_000),
                (Counter::RxPackets, level * 250),
                (Counter::TxBytes, (20 - level) * 8_000),
                (Counter::TxPackets, (20 - level) * 40),
            ];
            if tick == 99 {
                growth.extend([(Counter::RxErrors, 6), (Counter::RxFrameErrors, 6), (Counter::TxDropped, 3)]);
            }
            story.tick(|snapshot| grow(snapshot, &growth));
        }
        story
    }

    fn press(&mut self, keys: &[KeyCode]) -> Option<Effect> {
        let press = |&code| self.app.handle(&Input::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        keys.iter().map(press).last().flatten()
    }

    fn kind(&mut self, text: &str) {
        for c in text.chars() {
            self.press(&[KeyCode::Char(c)]);
        }
    }

    fn buffer(&mut self, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &mut self.app)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn screen(&mut self, width: u16, height: u16) -> String {
        let buffer = self.buffer(width, height);
        let rows = buffer.content.chunks(usize::from(width).max(1));
        rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    fn golden(&mut self, name: &str, width: u16, height: u16) {
        compare(&format!("watch.{name}.{width}x{height}.txt"), self.screen(width, height).as_bytes());
    }
}

#[test]
fn view_at_three_sizes() {
    for (width, height) in [(40, 10), (80, 24), (200, 60)] {
        Story::morning(options()).golden("view", width, height);
    }
    let plain = ViewOptions { style: Style::default(), ..options() };
    Story::morning(plain).golden("ascii", 80, 24);
}

#[test]
fn view_without_networks_and_without_access() {
    let empty = || Snapshot { timestamp: 1_795_000_000, ..Snapshot::default() };
    let mut story = Story::begin(empty(), options());
    story.golden("empty", 80, 24);
    story.tick(|snapshot| snapshot.networks = recorded().networks);
    story.golden("appeared", 80, 24);

    let mut story = Story::morning(options());
    story.tick(|snapshot| {
        snapshot.networks[0].peers = None;
        let problem = Problem::new(Code::PermissionDenied, "cannot read peers: operation not permitted");
        snapshot.problems.push(problem.interface("wg0").hint("run it with CAP_NET_ADMIN"));
    });
    story.golden("denied", 80, 24);
    let subject = "links".to_owned();
    let cause = "it changed while it was read".to_owned();
    story.app.update(Next::Failed(Error::Collect { code: Code::DumpInterrupted, subject, cause }));
    assert!(story.screen(80, 24).contains("! links: it changed while it was read"));
}

#[test]
fn popups_show_all_their_lines() {
    for (name, key) in [("help", '?'), ("findings", 'f'), ("events", 'e'), ("detail", '\n')] {
        let mut story = Story::morning(options());
        story.tick(|snapshot| {
            snapshot.networks[0].peers.as_mut().unwrap()[0].endpoint = Some("203.0.113.9:51820".parse().unwrap());
        });
        story.press(&[if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) }]);
        story.golden(name, 80, 24);
        story.screen(40, 10);
        // Scrolling reaches all lines: the last line is the same at any height.
        story.press(&[KeyCode::End]);
        let high = story.screen(80, 200);
        story.press(&[KeyCode::End]);
        let last = |screen: &str| {
            let lines: Vec<&str> = screen.lines().filter(|line| line.starts_with('│')).collect();
            lines.last().map(|line| line.trim_end().to_owned())
        };
        let low = story.screen(80, 10);
        assert_eq!(last(&low), last(&high), "{name}");
        story.press(&[KeyCode::Esc]);
        assert!(story.screen(80, 24).starts_with("wgstat"), "{name} closes");
    }
}

#[test]
fn growing_errors_are_marked_and_explained() {
    let mut story = Story::morning(options());
    let buffer = story.buffer(80, 24);
    let row = |y: u16| (0..80).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    assert!(row(2).contains("errors    3/s!"), "6 errors in 2 s: {}", row(2));
    let x = u16::try_from(
        row(2).chars().collect::<Vec<_>>().windows(6).position(|six| six == ['e', 'r', 'r', 'o', 'r', 's']).unwrap(),
    )
    .unwrap();
    assert_eq!((buffer[(x, 2)].fg, buffer[(x, 2)].modifier), (Color::Red, Modifier::BOLD));
    // A large screen has the whole explanation.
    let screen = story.screen(200, 60);
    assert!(screen.contains("rx_errors: packets that were decrypted and then rejected"), "{screen}");
    assert!(screen.contains("tx_dropped: packets that were given up while waiting for a handshake"), "{screen}");
    story.tick(|_| {});
    let screen = story.screen(200, 60);
    assert!(!screen.contains("rx_errors:") && !screen.contains("/s!"), "{screen}");
}

#[test]
fn without_colours_there_are_none() {
    let style = Style { unicode: true, ..Style::default() };
    let mut story = Story::morning(ViewOptions { style, ..options() });
    for popup in [KeyCode::Null, KeyCode::Char('f'), KeyCode::Char('e'), KeyCode::Char('?')] {
        story.press(&[popup]);
        let buffer = story.buffer(120, 40);
        assert!(buffer.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    }
    let mut story = Story::morning(ViewOptions { style: Style::default(), ..options() });
    for popup in [KeyCode::Null, KeyCode::Char('f'), KeyCode::Char('e'), KeyCode::Char('?'), KeyCode::Enter] {
        story.press(&[popup]);
        assert!(story.screen(120, 40).is_ascii());
    }
}

#[test]
fn interface_that_was_created_again_has_a_gap_in_its_history() {
    let mut story = Story::morning(options());
    let network = story.snapshot.networks[0].clone();
    story.tick(|snapshot| drop(snapshot.networks.remove(0)));
    let screen = story.screen(80, 24);
    assert!(screen.contains("peers of wg1") && screen.contains("wg0: interface removed"), "{screen}");
    story.tick(|snapshot| snapshot.networks.push(Network { ifindex: Some(901), ..network }));
    assert!(story.screen(80, 24).contains("peers of wg0"), "it is selected again at its new position");
    story.snapshot.networks.reverse();
    story.tick(|snapshot| grow(snapshot, &[(Counter::RxBytes, 2048)]));
    let screen = story.screen(80, 24);
    assert!(screen.contains("peers of wg0"), "{screen}");
    assert!(screen.contains("rx    1.00 KiB/s"), "{screen}");
    let history = screen.lines().nth(3).unwrap();
    assert!(history.trim_end().ends_with("·█ │") && !history.contains('▇'), "{history}");
    // A renamed interface stays selected.
    story.tick(|snapshot| snapshot.networks[0].interface = "wg7".into());
    let screen = story.screen(80, 24);
    assert!(screen.contains("peers of wg7") && screen.contains("wg7: interface renamed from wg0"), "{screen}");
    assert!(screen.lines().nth(3).unwrap().contains('█'), "it keeps its history: {screen}");
}

#[test]
fn keys_act_as_documented() {
    let mut story = Story::morning(options());
    let title = |story: &mut Story, y: usize| story.screen(80, 24).lines().nth(y).unwrap().to_owned();
    let peers = |story: &mut Story| {
        story
            .screen(80, 24)
            .lines()
            .skip_while(|line| !line.starts_with("peers of"))
            .map(str::to_owned)
            .collect::<Vec<String>>()
    };

    assert!(peers(&mut story)[2].contains("Alice's"), "latest handshake first");
    story.press(&[KeyCode::Char('r')]);
    assert!(peers(&mut story)[1].contains("HANDSHAKE▲"));
    story.press(&[KeyCode::Char('s')]);
    assert!(peers(&mut story)[1].contains("ENDPOINT▲"));
    story.press(&[KeyCode::Char('S'), KeyCode::Char('S')]);
    assert!(peers(&mut story)[1].contains("TX▼"));

    story.kind("/alice");
    let list = peers(&mut story);
    assert!(
        list[0].contains("1 of 3 match \"alice\"") && list[2].contains("Alice's") && list[3].is_empty(),
        "{list:?}"
    );
    assert!(title(&mut story, 23).starts_with("filter: alice"));
    story.kind("q");
    assert!(peers(&mut story)[1].contains("no peers match"), "q is a letter of the filter");
    story.press(&[KeyCode::Backspace, KeyCode::Enter]);
    assert!(title(&mut story, 23).starts_with("? help"), "Enter ends the prompt");
    assert!(peers(&mut story)[2].contains("Alice's"));
    story.press(&[KeyCode::Esc]);
    assert!(!peers(&mut story)[3].is_empty());

    story.press(&[KeyCode::Down, KeyCode::Down]);
    assert!(peers(&mut story)[3].starts_with('▶'));
    let notch = MouseEvent { kind: MouseEventKind::ScrollUp, column: 0, row: 0, modifiers: KeyModifiers::NONE };
    story.app.handle(&Input::Mouse(notch));
    assert!(peers(&mut story)[2].starts_with('▶'), "the mouse wheel moves the selection");

    story.press(&[KeyCode::Char('u')]);
    assert!(title(&mut story, 2).contains("bit/s") && peers(&mut story)[0].contains("bits/s"));
    assert_eq!(story.press(&[KeyCode::Char('+')]), Some(Effect::Interval(Duration::from_secs(5))));
    assert!(title(&mut story, 0).contains("every 5s"));
    assert_eq!(story.press(&[KeyCode::Char('-')]), Some(Effect::Interval(Duration::from_secs(2))));

    story.press(&[KeyCode::Tab]);
    assert!(peers(&mut story)[0].starts_with("peers of wg1"));
    story.press(&[KeyCode::Tab]);
    assert!(peers(&mut story)[0].starts_with("peers of wg0"), "after the last network comes the first");
    story.press(&[KeyCode::BackTab]);
    assert!(peers(&mut story)[0].starts_with("peers of wg1"));

    assert_eq!(story.press(&[KeyCode::Char('?'), KeyCode::Char('q')]), None, "q closes the help");
    assert_eq!(story.press(&[KeyCode::Char('q')]), Some(Effect::Quit));
    for (key, effect) in [('c', Effect::Quit), ('z', Effect::Suspend), ('l', Effect::Redraw)] {
        let event = Input::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL));
        assert_eq!(story.app.handle(&event), Some(effect));
    }
}

#[test]
fn pause_freezes_the_display_and_loses_nothing() {
    let mut story = Story::morning(options());
    story.press(&[KeyCode::Char(' ')]);
    let paused = story.screen(80, 24);
    assert!(paused.contains("PAUSED"));
    for _ in 0..5 {
        story.tick(|snapshot| grow(snapshot, &[(Counter::RxBytes, 4096)]));
    }
    story.tick(|snapshot| {
        grow(snapshot, &[(Counter::RxBytes, 4096)]);
        snapshot.networks[1].enabled = Some(true);
    });
    let error = || Error::NetnsNotFound { name: "blue".into(), have: Vec::new() };
    story.app.update(Next::Failed(error()));
    // Ages are frozen, too.
    assert_eq!(story.screen(80, 24), paused);
    story.press(&[KeyCode::Char('p')]);
    let screen = story.screen(80, 24);
    assert!(screen.contains("rx    2.00 KiB/s") && !screen.contains("PAUSED"), "{screen}");
    assert!(screen.contains("! blue: no such network namespace") && screen.contains("wg1: fixed"), "{screen}");
    let (tick, failure) = story.app.into_last();
    assert_eq!(tick.sample.snapshot, story.snapshot);
    assert_eq!(
        failure.map(|error| error.to_string()),
        Some(error().to_string()),
        "the last error is returned after quitting"
    );
}

#[test]
fn ages_grow_between_samples() {
    let mut story = Story::begin(recorded(), options());
    let age = |story: &mut Story| {
        let screen = story.screen(80, 24);
        let line = screen.lines().find(|line| line.contains("Alice's")).unwrap().to_owned();
        let minutes: u64 = line.split("m ").next().unwrap().split(' ').next_back().unwrap().parse().unwrap();
        let seconds = line.split("m ").nth(1).unwrap().split('s').next().unwrap().parse::<u64>().unwrap();
        minutes * 60 + seconds
    };
    let now = story.snapshot.timestamp;
    let first = age(&mut story);
    assert_eq!(first, now - story.snapshot.networks[0].peers.as_ref().unwrap()[0].last_handshake.unwrap());
    story.app.set_clock(now + 7);
    assert_eq!(age(&mut story), first + 7);
}

/// Many networks, hostile names, random sizes and keys: the view never panics and never shows a control character.
#[test]
fn any_size_any_keys_any_names() {
    let mut snapshot = recorded();
    for place in 0..30 {
        let mut network = snapshot.networks[place % 2].clone();
        network.ifindex = Some(1000 + u32::try_from(place).unwrap());
        network.interface = ["wg\u{1b}[2J", "漢字漢字漢字", "w\u{202e}g\n", "x"][place % 4].into();
        network.name = Some("a long name \u{1b}]0;title\u{7} of a network ".repeat(place % 5));
        snapshot.networks.push(network);
    }
    let mut story = Story::begin(snapshot, options());
    let keys: Vec<KeyCode> = "kjgGsSr/ qfeu+-p?hé漢"
        .chars()
        .map(KeyCode::Char)
        .chain([KeyCode::Tab, KeyCode::BackTab, KeyCode::Enter, KeyCode::Esc, KeyCode::PageUp, KeyCode::PageDown])
        .chain([KeyCode::Up, KeyCode::Down, KeyCode::Home, KeyCode::End, KeyCode::Backspace])
        .collect();
    let mut state = 7_usize;
    let mut next = |below: usize| {
        // Knuth's generator; the high bits are random enough.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..2000 {
        story.press(&[keys[next(keys.len())]]);
        let (width, height) = match round % 4 {
            0 => (next(12), next(12)),
            1 => (next(60), next(20)),
            _ => (next(220), next(70)),
        };
        let screen = story.screen(u16::try_from(width).unwrap(), u16::try_from(height).unwrap());
        assert!(!screen.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{screen:?}");
        if round % 10 == 0 {
            story.tick(|snapshot| {
                let place = next(snapshot.networks.len());
                if snapshot.networks.len() > 3 && round % 20 == 0 {
                    snapshot.networks.remove(place);
                }
                let first = snapshot.networks[0].peers.get_or_insert_default();
                first.truncate(next(4));
            });
        }
    }
}

/// Peers outside the screen cost nothing: 200 times as many are drawn in about the same time.
#[test]
fn only_what_is_visible_is_laid_out() {
    let story = |count: u32| {
        let peers = (0..count).map(|number| {
            let mut key = [7; 32];
            key[..4].copy_from_slice(&number.to_le_bytes());
            let [_, _, high, low] = number.to_be_bytes();
            Peer {
                public_key: PublicKey(key),
                name: Some(format!("peer {number}")),
                endpoint: Some("192.0.2.1:51820".parse().unwrap()),
                allowed_ips: std::iter::once(AllowedIp { address: [10, 9, high, low].into(), prefix: 32 }).collect(),
                last_handshake: Some(1_795_000_000),
                ..Peer::default()
            }
        });
        let network = Network {
            interface: "wg0".into(),
            ifindex: Some(3),
            backend: Backend::Kernel,
            enabled: Some(true),
            up: Some(true),
            peers: Some(peers.collect()),
            ..Network::default()
        };
        Story::begin(Snapshot { timestamp: 1_795_000_000, networks: vec![network], ..Snapshot::default() }, options())
    };
    let mut fastest = [50, 10_000].map(|count| {
        let mut story = story(count);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let mut step = |key| {
            let start = Instant::now();
            story.press(&[key]);
            terminal.draw(|frame| draw(frame, &mut story.app)).unwrap();
            start.elapsed()
        };
        (0..200).map(|_| step(KeyCode::Down)).min().unwrap()
    });
    let [few, many] = &mut fastest;
    assert!(*many < *few * 3, "{few:?} for 50 peers, {many:?} for 10,000");
}
