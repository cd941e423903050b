//! What the view shows, and what ticks and keys do to it. Nothing here reads a clock or touches a terminal.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::Options;
use super::figures::Units;
use super::input::{Action, Motion, Turn, action, wheel};
use super::peers::Peers;
use crate::error::Error;
use crate::events::Event;
use crate::history::ThroughputHistory;
use crate::model::{Name, Network, Peer};
use crate::rates::{Identity, NetworkRates, identity};
use crate::render::human::Style;
use crate::sampler::{Next, Tick};

/// Events that are kept to be looked at.
const EVENTS: usize = 200;
/// Characters of a filter: more than any key or address has.
const LONGEST_FILTER: usize = 64;
/// The steps of the interval.
const INTERVALS: [Duration; 9] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(3600),
];

/// What the view wants of those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To be left.
    Leave,
    /// To be stopped, as by a shell's Ctrl-Z.
    Suspend,
    /// To be drawn from nothing.
    Redraw,
    /// Ticks so far apart.
    Interval(Duration),
}

/// What lies over the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Popup {
    Help,
    Detail,
    Findings,
    Events,
}

/// What is there to be shown.
#[derive(Clone)]
struct Known {
    tick: Arc<Tick>,
    history: ThroughputHistory,
    events: VecDeque<Event>,
    failure: Option<Arc<Error>>,
    now: u64,
}

/// Which network is selected: the one that is the same, else the one that came back under its name, else its neighbour.
#[derive(Debug, Default)]
struct Choice {
    wanted: Option<(Identity, Name)>,
    place: usize,
}

impl Choice {
    fn is_namesake(&self, network: &Network) -> bool {
        self.wanted.as_ref().is_some_and(|((netns, _), name)| (netns, name) == (&network.netns, &network.interface))
    }
}

/// The view's state.
pub struct App {
    latest: Known,
    /// While it is paused.
    frozen: Option<Known>,
    choice: Choice,
    pub(super) style: Style,
    pub(super) units: Units,
    pub(super) interval: Duration,
    pub(super) peers: Peers,
    pub(super) filter: String,
    pub(super) is_typing: bool,
    pub(super) popup: Option<Popup>,
    /// The first line of the popup that is shown.
    pub(super) scroll: usize,
    /// Lines of the popup that were shown when it was last drawn.
    pub(super) page: usize,
}

impl App {
    /// The view of the first tick.
    #[must_use]
    pub fn new(first: Arc<Tick>, options: Options) -> Self {
        let now = first.sample.snapshot.timestamp;
        let mut app = Self {
            latest: Known {
                tick: Arc::clone(&first),
                history: ThroughputHistory::default(),
                events: VecDeque::new(),
                failure: None,
                now,
            },
            frozen: None,
            choice: Choice::default(),
            style: options.style,
            units: Units::default(),
            interval: options.interval,
            peers: Peers::default(),
            filter: String::new(),
            is_typing: false,
            popup: None,
            scroll: 0,
            page: 0,
        };
        app.look(Next::Tick(first));
        app
    }

    /// What time it is, in seconds since the Unix epoch.
    pub fn set_clock(&mut self, now: u64) {
        self.latest.now = now;
    }

    /// Takes a look in.
    pub fn look(&mut self, look: Next) {
        let (tick, is_tick) = match look {
            Next::Tick(tick) => (tick, true),
            Next::Change(tick) => (tick, false),
            Next::Failed(error) => {
                self.latest.failure = Some(Arc::new(error));
                return;
            }
            Next::Interrupted => return,
        };
        self.latest.failure = None;
        if is_tick {
            self.latest.history.add(&tick.sample.snapshot, &tick.sample.rates);
        }
        let events = &mut self.latest.events;
        events.extend(tick.events.iter().cloned());
        events.drain(..events.len().saturating_sub(EVENTS));
        self.latest.tick = tick;
        if self.frozen.is_none() {
            self.arrange();
        }
    }

    /// Takes what the terminal reports in.
    pub fn handle(&mut self, input: &Input) -> Option<Wish> {
        let wanted = match input {
            Input::Key(key) if key.kind == KeyEventKind::Release => None,
            Input::Key(key) if self.is_typing => {
                if let Some(wanted) = self.type_filter(*key) {
                    Some(wanted)
                } else {
                    self.arrange();
                    None
                }
            }
            Input::Key(key) => action(*key),
            Input::Mouse(mouse) => wheel(*mouse),
            _ => None,
        };
        self.act(wanted?)
    }

    /// While a filter is typed most keys are its text.
    fn type_filter(&mut self, key: KeyEvent) -> Option<Action> {
        match key.code {
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.filter.clear(),
            _ if key.modifiers.contains(KeyModifiers::CONTROL) => return action(key),
            KeyCode::Char(c) if self.filter.chars().count() < LONGEST_FILTER => self.filter.push(c),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc | KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => return action(key),
            _ => {}
        }
        None
    }

    fn act(&mut self, wanted: Action) -> Option<Wish> {
        match wanted {
            Action::Leave if self.popup.take().is_some() => {}
            Action::Leave | Action::Quit => return Some(Wish::Leave),
            Action::Suspend => return Some(Wish::Suspend),
            Action::Redraw => return Some(Wish::Redraw),
            Action::Back => self.back(),
            Action::Help => self.open(Popup::Help),
            Action::Detail if self.popup.is_some() => self.popup = None,
            Action::Detail => {
                if self.selected_peer().is_none() {
                    self.go(Motion::Down(1));
                }
                self.open(Popup::Detail);
            }
            Action::Findings => self.open(Popup::Findings),
            Action::Events => self.open(Popup::Events),
            Action::Network(turn) => self.turn_network(turn),
            Action::Move(motion) => self.go(motion),
            Action::Sort(turn) => {
                self.peers.sort(turn);
                self.arrange();
            }
            Action::Reverse => {
                self.peers.reverse();
                self.arrange();
            }
            Action::Filter => {
                self.popup = None;
                self.is_typing = true;
            }
            Action::Pause => {
                self.frozen = if self.frozen.is_some() { None } else { Some(self.latest.clone()) };
                self.arrange();
            }
            Action::Units => self.units = self.units.other(),
            Action::Interval(turn) => return self.step_interval(turn),
        }
        None
    }

    fn back(&mut self) {
        if self.is_typing || self.popup.take().is_none() {
            self.is_typing = false;
            self.filter.clear();
            self.peers.forget_selection();
            self.arrange();
        }
    }

    fn open(&mut self, popup: Popup) {
        self.popup = if self.popup == Some(popup) { None } else { Some(popup) };
        self.scroll = 0;
    }

    fn turn_network(&mut self, turn: Turn) {
        let count = self.networks().len();
        let step = if turn == Turn::Next { 1 } else { count.saturating_sub(1) };
        self.choice = Choice { wanted: None, place: (self.choice.place + step) % count.max(1) };
        self.peers.forget_selection();
        self.scroll = 0;
        self.arrange();
    }

    /// Through what lies on top.
    fn go(&mut self, motion: Motion) {
        if self.popup.is_none() {
            let mut peers = std::mem::take(&mut self.peers);
            peers.go(motion, self.network().and_then(|network| network.peers.as_deref()).unwrap_or_default());
            self.peers = peers;
            return;
        }
        let page = self.page.max(1);
        // What is beyond the end is put right when the length is known.
        self.scroll = match motion {
            Motion::Up(lines) => self.scroll.saturating_sub(lines),
            Motion::Down(lines) => self.scroll.saturating_add(lines),
            Motion::PageUp => self.scroll.saturating_sub(page),
            Motion::PageDown => self.scroll.saturating_add(page),
            Motion::First => 0,
            Motion::Last => usize::MAX,
        };
    }

    fn step_interval(&mut self, turn: Turn) -> Option<Wish> {
        let longer = INTERVALS.iter().find(|&&step| step > self.interval);
        let shorter = INTERVALS.iter().rev().find(|&&step| step < self.interval);
        self.interval = *if turn == Turn::Next { longer } else { shorter }?;
        Some(Wish::Interval(self.interval))
    }

    /// Finds the selected network again, and puts its peers in order.
    fn arrange(&mut self) {
        // It is put in order by what is shown, and that is the rest of this.
        let mut peers = std::mem::take(&mut self.peers);
        let networks = self.networks();
        let wanted = self.choice.wanted.as_ref().map(|(identity, _)| identity);
        let same = networks.iter().position(|network| Some(&identity(network)) == wanted);
        let found = same.or_else(|| networks.iter().position(|network| self.choice.is_namesake(network)));
        let place = found.unwrap_or(self.choice.place).min(networks.len().saturating_sub(1));
        let shown = networks.get(place);
        peers.arrange(shown, self.rates_of(place), &self.filter);
        // While it is away another one stands in; it may come back.
        let chosen = shown.filter(|_| found.is_some() || wanted.is_none());
        if let Some(chosen) = chosen.map(|network| (identity(network), network.interface.clone())) {
            self.choice.wanted = Some(chosen);
        }
        self.peers = peers;
        self.choice.place = place;
    }

    const fn known(&self) -> &Known {
        match &self.frozen {
            Some(frozen) => frozen,
            None => &self.latest,
        }
    }

    /// The last look that the view was told of, shown or not, and why none could be taken since.
    #[must_use]
    pub fn into_last(self) -> (Arc<Tick>, Option<Error>) {
        drop(self.frozen);
        (self.latest.tick, self.latest.failure.and_then(Arc::into_inner))
    }

    pub(super) fn tick(&self) -> &Tick {
        &self.known().tick
    }

    pub(super) const fn history(&self) -> &ThroughputHistory {
        &self.known().history
    }

    /// What time it is for what is shown: while it is paused, ages stand still.
    pub(super) const fn now(&self) -> u64 {
        self.known().now
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    /// The newest last.
    pub(super) const fn events(&self) -> &VecDeque<Event> {
        &self.known().events
    }

    /// Why the last look could not be taken.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.known().failure.as_deref()
    }

    pub(super) fn networks(&self) -> &[Network] {
        &self.tick().sample.snapshot.networks
    }

    pub(super) const fn place(&self) -> usize {
        self.choice.place
    }

    /// The selected network.
    pub(super) fn network(&self) -> Option<&Network> {
        self.networks().get(self.choice.place)
    }

    pub(super) fn rates_of(&self, place: usize) -> Option<&NetworkRates> {
        self.tick().sample.rates.get(place)?.as_ref()
    }

    /// The selected peer, and its place among the network's.
    pub(super) fn selected_peer(&self) -> Option<(usize, &Peer)> {
        let key = self.peers.selected()?;
        let peers = self.network()?.peers.as_deref()?;
        peers.iter().enumerate().find(|(_, peer)| peer.public_key == key)
    }
}
