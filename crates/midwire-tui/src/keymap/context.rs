//! Where a key binding holds.

/// A part of the interface with key bindings of its own (console.md §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Context {
    Chooser,
    Commands,
    Compare,
    Connect,
    /// Also in screens that take other keys as text.
    CommonKey,
    DataViewer,
    EventLog,
    FlowList,
    FlowView,
    /// Everywhere, after the bindings of the part itself.
    Global,
    GridEditor,
    Help,
    KeyBindings,
    Options,
    Paused,
    Stats,
    Tree,
}

impl Context {
    /// All contexts in the order of their names.
    pub(crate) const ALL: [(&'static str, Self); 17] = [
        ("chooser", Self::Chooser),
        ("commands", Self::Commands),
        ("commonkey", Self::CommonKey),
        ("compare", Self::Compare),
        ("connect", Self::Connect),
        ("dataviewer", Self::DataViewer),
        ("eventlog", Self::EventLog),
        ("flowlist", Self::FlowList),
        ("flowview", Self::FlowView),
        ("global", Self::Global),
        ("grideditor", Self::GridEditor),
        ("help", Self::Help),
        ("keybindings", Self::KeyBindings),
        ("options", Self::Options),
        ("paused", Self::Paused),
        ("stats", Self::Stats),
        ("tree", Self::Tree),
    ];

    /// The context of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, context)| *context == self);
        found.map_or("", |(name, _)| name)
    }
}
