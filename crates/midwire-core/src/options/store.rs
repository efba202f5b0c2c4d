//! The shared, current options and the one way to change them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

use super::{
    error::OptionError,
    scripted::Definition,
    set::{Assignment, convert, group},
    spec::Tool,
    table::{Options, SPECS},
    typed::{check, spec},
    validate,
    value::Value,
};

/// The names that one update assigned, whether or not their values differ now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed(BTreeSet<String>);

impl Changed {
    /// Whether `name` was assigned.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether nothing was assigned.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for Changed {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// What became of [`OptionStore::declare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The name is new.
    New,
    /// The same definition was there already.
    Same,
    /// Another definition was there and is replaced; the user should be warned.
    Replaced,
}

/// Names a listener or observer, to take it away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerId(u64);

type Listener = Arc<dyn Fn(&Options, &Changed) -> Result<(), String> + Send + Sync>;
type Observer = Arc<dyn Fn(&Arc<Options>, &Changed) + Send + Sync>;

/// A cloneable handle to the options of the running program.
///
/// Reading is a snapshot: [`load`](Self::load) never waits, and what it returned does not change.
/// An update is applied to a copy, shown to every listener, and published only when all accept.
#[derive(Clone)]
pub struct OptionStore {
    shared: Arc<Shared>,
}

struct Shared {
    tool: Tool,
    current: ArcSwap<Options>,
    listeners: Mutex<BTreeMap<ListenerId, Listener>>,
    observers: Mutex<BTreeMap<ListenerId, Observer>>,
    deferred: Mutex<BTreeMap<String, Deferred>>,
    next_id: AtomicU64,
}

/// A value for an option that nobody declared yet.
#[derive(Clone, Debug)]
enum Deferred {
    Native(Value),
    Texts(Vec<String>),
}

/// How often an update starts over because another one came first.
const ATTEMPTS: usize = 16;

impl OptionStore {
    /// Options of `tool` with their default values.
    pub fn new(tool: Tool) -> Self {
        Self {
            shared: Arc::new(Shared {
                tool,
                current: ArcSwap::from_pointee(Options::default()),
                listeners: Mutex::default(),
                observers: Mutex::default(),
                deferred: Mutex::default(),
                next_id: AtomicU64::new(0),
            }),
        }
    }

    /// The program whose options these are.
    pub fn tool(&self) -> Tool {
        self.shared.tool
    }

    /// Every option counts as changed, as addons see it when they start.
    pub fn all_changed(&self) -> Changed {
        Changed(
            self.definitions()
                .into_iter()
                .map(|definition| definition.name)
                .collect(),
        )
    }

    /// The current values.
    pub fn load(&self) -> Arc<Options> {
        self.shared.current.load_full()
    }

    /// The current value of one option.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.knows(name).then(|| self.load().value(name)).flatten()
    }

    /// What is known about an option of this tool.
    pub fn definition(&self, name: &str) -> Option<Definition> {
        self.knows(name)
            .then(|| self.load().definition(name))
            .flatten()
    }

    /// What is known about every option of this tool, in alphabetical order.
    pub fn definitions(&self) -> Vec<Definition> {
        let options = self.load();
        let mut all: BTreeMap<&str, Definition> = SPECS
            .iter()
            .filter(|spec| spec.meta.tools.contains(self.shared.tool))
            .map(|spec| (spec.name, Definition::builtin(spec)))
            .collect();
        for definition in options.scripted.definitions() {
            all.insert(&definition.name, definition.as_ref().clone());
        }
        all.into_values().collect()
    }

    /// Whether this tool has the option, or a script declared it.
    pub fn knows(&self, name: &str) -> bool {
        spec(name).is_some_and(|spec| spec.meta.tools.contains(self.shared.tool))
            || self.shared.current.load().scripted.value(name).is_some()
    }

    /// Whether the value differs from the default; `false` for unknown names.
    pub fn has_changed(&self, name: &str) -> bool {
        self.definition(name)
            .is_some_and(|definition| self.value(name) != Some(definition.default))
    }

    /// Sets options, all or none.
    pub fn update<N, I>(&self, changes: I) -> Result<Changed, OptionError>
    where
        N: Into<String>,
        I: IntoIterator<Item = (N, Value)>,
    {
        let changes = owned(changes);
        self.change(|options| self.assign_all(options, &changes))
    }

    /// Sets options, all or none; values of unknown names wait until a script declares them.
    pub fn update_defer<N, I>(&self, changes: I) -> Result<Changed, OptionError>
    where
        N: Into<String>,
        I: IntoIterator<Item = (N, Value)>,
    {
        let (known, unknown): (Vec<_>, Vec<_>) = owned(changes)
            .into_iter()
            .partition(|(name, _)| self.knows(name));
        let changed = self.change(|options| self.assign_all(options, &known))?;
        let mut deferred = lock(&self.shared.deferred);
        for (name, value) in unknown {
            deferred.insert(name, Deferred::Native(value));
        }
        Ok(changed)
    }

    /// Sets options from `name=value` texts as the command `set` does; unknown names are refused.
    pub fn set<S: AsRef<str>>(&self, specs: &[S]) -> Result<Changed, OptionError> {
        let groups = group(specs);
        let unknown: Vec<String> = groups
            .iter()
            .filter(|group| !self.knows(&group.name))
            .map(|group| group.name.clone())
            .collect();
        if !unknown.is_empty() {
            return Err(OptionError::Unknown(unknown));
        }
        self.change(|options| convert_all(options, &groups))
    }

    /// Sets options from `name=value` texts as `--set` does; unknown names wait for a script.
    pub fn set_defer<S: AsRef<str>>(&self, specs: &[S]) -> Result<Changed, OptionError> {
        let (known, unknown): (Vec<_>, Vec<_>) = group(specs)
            .into_iter()
            .partition(|group| self.knows(&group.name));
        let changed = self.change(|options| convert_all(options, &known))?;
        let mut deferred = lock(&self.shared.deferred);
        for Assignment { name, values } in unknown {
            deferred.insert(name, Deferred::Texts(values));
        }
        Ok(changed)
    }

    /// Names that were set but that nobody has declared.
    pub fn deferred(&self) -> Vec<String> {
        lock(&self.shared.deferred).keys().cloned().collect()
    }

    /// Sets every option to its default.
    pub fn reset(&self) -> Result<Changed, OptionError> {
        let defaults = self
            .definitions()
            .into_iter()
            .map(|definition| (definition.name, definition.default));
        self.update(defaults)
    }

    /// Sets one option to its default.
    pub fn reset_one(&self, name: &str) -> Result<Changed, OptionError> {
        let Some(definition) = self.definition(name) else {
            return Err(OptionError::Refused(format!("No such option: {name}")));
        };
        self.update([(name, definition.default)])
    }

    /// Inverts a switch.
    pub fn toggle(&self, name: &str) -> Result<Changed, OptionError> {
        self.change(|options| {
            let Some(value) = self.value(name) else {
                return Err(OptionError::Unknown(vec![name.to_owned()]));
            };
            let Value::Bool(value) = value else {
                return Err(OptionError::Type {
                    name: name.to_owned(),
                    expected: "bool",
                    got: value.type_name(),
                });
            };
            self.assign_all(options, &[(name.to_owned(), Value::Bool(!value))])
        })
    }

    /// Declares an option at run time, and gives it the value that waited for it.
    pub fn declare(&self, definition: &Definition) -> Result<Registered, OptionError> {
        check(definition, &definition.default)?;
        let before = self.definition(&definition.name);
        if before.as_ref() == Some(definition) {
            return Ok(Registered::Same);
        }
        let name = definition.name.clone();
        self.change(|options| {
            match spec(&definition.name) {
                Some(spec) if spec.kind != definition.kind => {
                    return Err(OptionError::BuiltinKind {
                        name: definition.name.clone(),
                        kind: spec.kind.name(),
                    });
                }
                Some(spec) if spec.meta.tools.contains(self.shared.tool) => {
                    options.scripted.redefine_builtin(definition.clone());
                    options.assign(&definition.name, definition.default.clone())?;
                }
                _ => options.scripted.declare(definition.clone()),
            }
            Ok(std::iter::once(definition.name.as_str()).collect())
        })?;
        let waiting = lock(&self.shared.deferred).remove(&name);
        match waiting {
            Some(Deferred::Native(value)) => drop(self.update([(name, value)])?),
            Some(Deferred::Texts(values)) => {
                let groups = [Assignment { name, values }];
                self.change(|options| convert_all(options, &groups))?;
            }
            None => {}
        }
        Ok(if before.is_some() {
            Registered::Replaced
        } else {
            Registered::New
        })
    }

    /// Adds a listener that is shown every update before it is published and may refuse it.
    ///
    /// After a refusal every listener that saw the update is called again with the old values.
    pub fn listen<F>(&self, listener: F) -> ListenerId
    where
        F: Fn(&Options, &Changed) -> Result<(), String> + Send + Sync + 'static,
    {
        let id = self.id();
        lock(&self.shared.listeners).insert(id, Arc::new(listener));
        id
    }

    /// Adds an observer that is told every update after it was published. It may update options itself.
    pub fn observe<F>(&self, observer: F) -> ListenerId
    where
        F: Fn(&Arc<Options>, &Changed) + Send + Sync + 'static,
    {
        let id = self.id();
        lock(&self.shared.observers).insert(id, Arc::new(observer));
        id
    }

    /// Takes a listener or observer away.
    pub fn unlisten(&self, id: ListenerId) {
        lock(&self.shared.listeners).remove(&id);
        lock(&self.shared.observers).remove(&id);
    }

    /// First half of an update for those who must wait before they can accept it.
    ///
    /// The listeners have accepted; nothing is published before [`Pending::commit`].
    pub fn prepare<N, I>(&self, changes: I) -> Result<Pending, OptionError>
    where
        N: Into<String>,
        I: IntoIterator<Item = (N, Value)>,
    {
        let changes = owned(changes);
        self.pending(&|options| self.assign_all(options, &changes))
    }

    fn id(&self) -> ListenerId {
        ListenerId(self.shared.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn change<F>(&self, apply: F) -> Result<Changed, OptionError>
    where
        F: Fn(&mut Options) -> Result<Changed, OptionError>,
    {
        for _ in 0..ATTEMPTS {
            match self.pending(&apply)?.publish() {
                Err(OptionError::Busy) => {}
                result => return result,
            }
        }
        Err(OptionError::Busy)
    }

    fn pending(
        &self,
        apply: &dyn Fn(&mut Options) -> Result<Changed, OptionError>,
    ) -> Result<Pending, OptionError> {
        let base = self.load();
        let mut next = base.as_ref().clone();
        let mut changed = apply(&mut next)?;
        derive(&mut next, &mut changed);
        validate::check(&next, &changed).map_err(OptionError::Refused)?;
        let pending = Pending {
            told: self.snapshot(),
            store: self.clone(),
            base,
            next,
            changed,
            settled: false,
        };
        pending.tell()
    }

    fn snapshot(&self) -> Vec<Listener> {
        lock(&self.shared.listeners).values().cloned().collect()
    }

    fn assign_all(
        &self,
        options: &mut Options,
        changes: &[(String, Value)],
    ) -> Result<Changed, OptionError> {
        let unknown: Vec<String> = changes
            .iter()
            .filter(|(name, _)| !self.knows(name))
            .map(|(name, _)| name.clone())
            .collect();
        if !unknown.is_empty() {
            return Err(OptionError::Unknown(unknown));
        }
        for (name, value) in changes {
            options.assign(name, value.clone())?;
        }
        Ok(changes.iter().map(|(name, _)| name.as_str()).collect())
    }
}

fn owned<N: Into<String>>(changes: impl IntoIterator<Item = (N, Value)>) -> Vec<(String, Value)> {
    changes
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

fn convert_all(options: &mut Options, groups: &[Assignment]) -> Result<Changed, OptionError> {
    for group in groups {
        let name = &group.name;
        let (Some(definition), Some(current)) = (options.definition(name), options.value(name))
        else {
            return Err(OptionError::Unknown(vec![name.clone()]));
        };
        options.assign(name, convert(group, definition.kind, &current)?)?;
    }
    Ok(groups.iter().map(|group| group.name.as_str()).collect())
}

/// Changes that follow from others: setting a filter for interception turns it on, clearing it off.
fn derive(options: &mut Options, changed: &mut Changed) {
    if changed.contains("intercept") && !changed.contains("intercept_active") {
        options.intercept_active = options
            .intercept
            .as_ref()
            .is_some_and(|filter| !filter.is_empty());
        changed.0.insert("intercept_active".to_owned());
    }
}

/// An update that every listener accepted and that is not published yet.
///
/// Dropping it tells the listeners the old values again.
pub struct Pending {
    store: OptionStore,
    base: Arc<Options>,
    next: Options,
    changed: Changed,
    told: Vec<Listener>,
    settled: bool,
}

impl Pending {
    /// The values as they would be.
    pub fn options(&self) -> &Options {
        &self.next
    }

    /// What the update assigned.
    pub fn changed(&self) -> &Changed {
        &self.changed
    }

    /// Publishes the update; [`OptionError::Busy`] if the options changed since it was prepared.
    pub fn commit(self) -> Result<Changed, OptionError> {
        self.publish()
    }

    /// Shows the update to the listeners until one refuses.
    fn tell(mut self) -> Result<Self, OptionError> {
        for at in 0..self.told.len() {
            let Some(listener) = self.told.get(at) else {
                break;
            };
            if let Err(reason) = listener(&self.next, &self.changed) {
                // The one that refused saw the update too, and may have acted on part of it.
                self.told.truncate(at + 1);
                return Err(OptionError::Refused(reason));
            }
        }
        Ok(self)
    }

    fn publish(mut self) -> Result<Changed, OptionError> {
        let next = Arc::new(self.next.clone());
        let current = &self.store.shared.current;
        let found = current.compare_and_swap(&self.base, next.clone());
        if !Arc::ptr_eq(&found, &self.base) {
            return Err(OptionError::Busy);
        }
        self.settled = true;
        let observers: Vec<Observer> = lock(&self.store.shared.observers)
            .values()
            .cloned()
            .collect();
        for observer in observers {
            observer(&next, &self.changed);
        }
        Ok(std::mem::take(&mut self.changed))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let current = self.store.load();
        for listener in &self.told {
            if let Err(reason) = listener(&current, &self.changed) {
                tracing::debug!(reason, "listener refuses the options it had accepted");
            }
        }
    }
}

/// A panic while a lock was held leaves plain maps whole, so poisoning does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
