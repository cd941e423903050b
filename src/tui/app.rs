//! Holds the state of the live view, which samples and keys change. This module reads no clock and no terminal.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::figures::Units;
use super::input::{self, Action, Motion, Step};
use super::peers::PeerList;
use crate::error::Error;
use crate::events::Event;
use crate::history::ThroughputHistory;
use crate::model::{Name, Network, Peer};
use crate::rates::{Identity, NetworkRates, identity};
use crate::render::format::Style;
use crate::sampler::{Next, Tick};

/// Maximum number of events that are kept.
const MAX_EVENTS: usize = 200;
/// Maximum number of characters of a filter: more than a key or an address has.
const MAX_FILTER_CHARS: usize = 64;
/// Refresh intervals that the keys select.
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

/// Configures the live view.
#[derive(Debug, Clone, Copy)]
pub struct ViewOptions {
    /// Refresh interval at the start.
    pub interval: Duration,
    /// Number of samples after which the view ends; `None` means never.
    pub count: Option<u64>,
    /// Colours and characters of the terminal.
    pub style: Style,
}

/// Lists what a key demands of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// End the view.
    Quit,
    /// Suspend the process, as Ctrl-Z does in a shell.
    Suspend,
    /// Redraw the whole screen.
    Redraw,
    /// Sample at this interval from now on.
    Interval(Duration),
}

/// Lists the popups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Popup {
    Help,
    Detail,
    Findings,
    Events,
}

/// Holds the data on the screen.
#[derive(Clone)]
struct ViewState {
    tick: Arc<Tick>,
    history: ThroughputHistory,
    events: VecDeque<Event>,
    failure: Option<Arc<Error>>,
    now: u64,
}

/// Remembers the selected network: by identity, by name if it was created again, else by its index in the list.
#[derive(Debug, Default)]
struct Selection {
    network: Option<(Identity, Name)>,
    index: usize,
}

impl Selection {
    /// Returns whether a network has the namespace and name of the selected one.
    fn has_same_name(&self, network: &Network) -> bool {
        self.network.as_ref().is_some_and(|((netns, _), name)| (netns, name) == (&network.netns, &network.interface))
    }
}

/// Holds the state of the live view.
pub struct App {
    latest: ViewState,
    /// The data on the screen while the display is paused.
    paused: Option<ViewState>,
    selection: Selection,
    pub(super) style: Style,
    pub(super) units: Units,
    pub(super) interval: Duration,
    pub(super) peers: PeerList,
    pub(super) filter: String,
    pub(super) is_typing: bool,
    pub(super) popup: Option<Popup>,
    /// First visible line of the popup.
    pub(super) scroll: usize,
    /// Visible lines of the popup when it was last drawn.
    pub(super) page: usize,
}

impl App {
    /// Creates the view of the first sample.
    #[must_use]
    pub fn new(first: Arc<Tick>, options: ViewOptions) -> Self {
        let now = first.sample.snapshot.timestamp;
        let mut app = Self {
            latest: ViewState {
                tick: Arc::clone(&first),
                history: ThroughputHistory::default(),
                events: VecDeque::new(),
                failure: None,
                now,
            },
            paused: None,
            selection: Selection::default(),
            style: options.style,
            units: Units::default(),
            interval: options.interval,
            peers: PeerList::default(),
            filter: String::new(),
            is_typing: false,
            popup: None,
            scroll: 0,
            page: 0,
        };
        app.update(Next::Tick(first));
        app
    }

    /// Sets the time, in seconds since the Unix epoch.
    pub fn set_clock(&mut self, now: u64) {
        self.latest.now = now;
    }

    /// Shows a sample, or the reason why none could be taken.
    pub fn update(&mut self, next: Next) {
        let (tick, is_tick) = match next {
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
        events.drain(..events.len().saturating_sub(MAX_EVENTS));
        self.latest.tick = tick;
        if self.paused.is_none() {
            self.arrange();
        }
    }

    /// Handles an event of the terminal. Returns what the caller has to do.
    pub fn handle(&mut self, event: &Input) -> Option<Effect> {
        let action = match event {
            Input::Key(key) if key.kind == KeyEventKind::Release => None,
            Input::Key(key) if self.is_typing => {
                let action = self.type_filter(*key);
                if action.is_none() {
                    self.arrange();
                }
                action
            }
            Input::Key(key) => input::action(*key),
            Input::Mouse(mouse) => input::wheel(*mouse),
            _ => None,
        };
        self.act(action?)
    }

    /// Handles a key while the user types a filter, which most keys are part of. Returns the action of any other key.
    fn type_filter(&mut self, key: KeyEvent) -> Option<Action> {
        match key.code {
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.filter.clear(),
            _ if key.modifiers.contains(KeyModifiers::CONTROL) => return input::action(key),
            KeyCode::Char(c) if self.filter.chars().count() < MAX_FILTER_CHARS => self.filter.push(c),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc | KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                return input::action(key);
            }
            _ => {}
        }
        None
    }

    /// Executes an action.
    fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::CloseOrQuit if self.popup.take().is_some() => {}
            Action::CloseOrQuit | Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Redraw => return Some(Effect::Redraw),
            Action::Back => self.back(),
            Action::Help => self.open(Popup::Help),
            Action::Detail if self.popup.is_some() => self.popup = None,
            Action::Detail => {
                if self.selected_peer().is_none() {
                    self.move_by(Motion::Down(1));
                }
                self.open(Popup::Detail);
            }
            Action::Findings => self.open(Popup::Findings),
            Action::Events => self.open(Popup::Events),
            Action::Network(step) => self.step_network(step),
            Action::Move(motion) => self.move_by(motion),
            Action::Sort(step) => {
                self.peers.sort(step);
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
                self.paused = if self.paused.is_some() { None } else { Some(self.latest.clone()) };
                self.arrange();
            }
            Action::Units => self.units = self.units.other(),
            Action::Interval(step) => return self.step_interval(step),
        }
        None
    }

    /// Closes the popup or the filter prompt, else clears filter and selection.
    fn back(&mut self) {
        if self.is_typing || self.popup.take().is_none() {
            self.is_typing = false;
            self.filter.clear();
            self.peers.clear_selection();
            self.arrange();
        }
    }

    /// Opens a popup, or closes it if it is open.
    fn open(&mut self, popup: Popup) {
        self.popup = if self.popup == Some(popup) { None } else { Some(popup) };
        self.scroll = 0;
    }

    /// Selects the next or previous network.
    fn step_network(&mut self, step: Step) {
        let count = self.networks().len();
        let step = if step == Step::Next { 1 } else { count.saturating_sub(1) };
        self.selection = Selection { network: None, index: (self.selection.index + step) % count.max(1) };
        self.peers.clear_selection();
        self.scroll = 0;
        self.arrange();
    }

    /// Moves the selection of a peer, or scrolls the popup.
    fn move_by(&mut self, motion: Motion) {
        if self.popup.is_none() {
            let mut peers = std::mem::take(&mut self.peers);
            peers.move_by(motion, self.network().and_then(|network| network.peers.as_deref()).unwrap_or_default());
            self.peers = peers;
            return;
        }
        let page = self.page.max(1);
        // Drawing limits the value: only then the number of lines is known.
        self.scroll = match motion {
            Motion::Up(lines) => self.scroll.saturating_sub(lines),
            Motion::Down(lines) => self.scroll.saturating_add(lines),
            Motion::PageUp => self.scroll.saturating_sub(page),
            Motion::PageDown => self.scroll.saturating_add(page),
            Motion::First => 0,
            Motion::Last => usize::MAX,
        };
    }

    /// Selects the next or previous interval.
    fn step_interval(&mut self, step: Step) -> Option<Effect> {
        let longer = INTERVALS.iter().find(|&&step| step > self.interval);
        let shorter = INTERVALS.iter().rev().find(|&&step| step < self.interval);
        self.interval = *if step == Step::Next { longer } else { shorter }?;
        Some(Effect::Interval(self.interval))
    }

    /// Finds the selected network in the current sample and updates the list of its peers.
    fn arrange(&mut self) {
        // Moved out, because the rest of `self` is borrowed meanwhile.
        let mut peers = std::mem::take(&mut self.peers);
        let networks = self.networks();
        let selected = self.selection.network.as_ref().map(|(identity, _)| identity);
        let same = networks.iter().position(|network| Some(&identity(network)) == selected);
        let found = same.or_else(|| networks.iter().position(|network| self.selection.has_same_name(network)));
        let index = found.unwrap_or(self.selection.index).min(networks.len().saturating_sub(1));
        let shown = networks.get(index);
        peers.arrange(shown, self.rates_of(index), &self.filter);
        // A removed network stays the selected one, because it may come back; meanwhile a neighbour is shown.
        let chosen = shown.filter(|_| found.is_some() || selected.is_none());
        if let Some(chosen) = chosen.map(|network| (identity(network), network.interface.clone())) {
            self.selection.network = Some(chosen);
        }
        self.peers = peers;
        self.selection.index = index;
    }

    /// Returns the data on the screen.
    const fn current(&self) -> &ViewState {
        match &self.paused {
            Some(paused) => paused,
            None => &self.latest,
        }
    }

    /// Returns the last sample, even if the display was paused, and the error since then.
    #[must_use]
    pub fn into_last(self) -> (Arc<Tick>, Option<Error>) {
        drop(self.paused);
        (self.latest.tick, self.latest.failure.and_then(Arc::into_inner))
    }

    /// Returns the sample on the screen.
    pub(super) fn tick(&self) -> &Tick {
        &self.current().tick
    }

    /// Returns the throughput of the past.
    pub(super) const fn history(&self) -> &ThroughputHistory {
        &self.current().history
    }

    /// Returns the time of the display, in Unix seconds. It stands still during a pause.
    pub(super) const fn now(&self) -> u64 {
        self.current().now
    }

    /// Returns whether the display is paused.
    pub(super) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Returns the events, newest last.
    pub(super) const fn events(&self) -> &VecDeque<Event> {
        &self.current().events
    }

    /// Returns the error of the last sample.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.current().failure.as_deref()
    }

    /// Returns the networks on the screen.
    pub(super) fn networks(&self) -> &[Network] {
        &self.tick().sample.snapshot.networks
    }

    /// Returns the index of the selected network.
    pub(super) const fn index(&self) -> usize {
        self.selection.index
    }

    /// Returns the selected network.
    pub(super) fn network(&self) -> Option<&Network> {
        self.networks().get(self.selection.index)
    }

    /// Returns the rates of the network with this index.
    pub(super) fn rates_of(&self, index: usize) -> Option<&NetworkRates> {
        self.tick().sample.rates.get(index)?.as_ref()
    }

    /// Returns the selected peer and its index in the network.
    pub(super) fn selected_peer(&self) -> Option<(usize, &Peer)> {
        let key = self.peers.selected()?;
        let peers = self.network()?.peers.as_deref()?;
        peers.iter().enumerate().find(|(_, peer)| peer.public_key == key)
    }
}
