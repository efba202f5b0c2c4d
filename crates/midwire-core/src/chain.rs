//! The chain of addons: who is interested in what, and one hook given to all of them in order.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use midwire_flow::HttpFlow;

use crate::explain::Before;
use crate::hooks::{Addon, ContentNeed, Event, FlowRef, HookSet, Part, StreamFilter, deliver};
use crate::kernel::Kernel;
use crate::options::{Changed, Options};

/// A boxed future, as the few links that must wait return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A link of the chain that must wait (script host, resolver). It is an addon whose hooks are answered later.
pub trait AsyncAddon: Addon {
    /// Handles one event. Only this flow waits for it.
    ///
    /// # Cancellation
    /// Dropped when the peer of the flow goes away; the link then forgets the call.
    fn call<'a>(&'a self, kernel: &'a Kernel, event: Event<'a>) -> BoxFuture<'a, ()>;
}

/// One link of the chain.
#[derive(Clone)]
pub enum Link {
    /// Answers at once.
    Sync(Arc<dyn Addon>),
    /// Answers later.
    Async(Arc<dyn AsyncAddon>),
}

impl Link {
    fn addon(&self) -> &dyn Addon {
        match self {
            Self::Sync(addon) => addon.as_ref(),
            Self::Async(addon) => addon.as_ref(),
        }
    }
}

/// All addons in their order, with the hooks each of them wants.
#[derive(Default)]
pub struct Chain {
    links: ArcSwap<Vec<(HookSet, Link)>>,
    /// Union of all interests, so that a hook that nobody wants costs one load.
    interest: AtomicU64,
    /// Option `explain`.
    explains: AtomicBool,
}

impl Chain {
    /// A chain of these addons, in this order.
    pub fn new(links: Vec<Link>, options: &Options) -> Self {
        let chain = Self::default();
        chain.links.store(Arc::new(
            links
                .into_iter()
                .map(|link| (HookSet::EMPTY, link))
                .collect(),
        ));
        chain.refresh(options);
        chain
    }

    /// The hooks that at least one addon wants.
    pub fn interest(&self) -> HookSet {
        HookSet::from_bits(self.interest.load(Ordering::Relaxed))
    }

    /// Asks every addon for its interest again, after a change of options.
    pub fn refresh(&self, options: &Options) {
        let links: Vec<_> = self
            .links
            .load()
            .iter()
            .map(|(_, link)| (link.addon().interest(options), link.clone()))
            .collect();
        let all = links
            .iter()
            .fold(HookSet::EMPTY, |all, (set, _)| all.union(*set));
        self.links.store(Arc::new(links));
        self.interest.store(all.bits(), Ordering::Relaxed);
        self.explains.store(options.explain, Ordering::Relaxed);
    }

    /// True if flows are to record what happens to them (option `explain`).
    pub fn explains(&self) -> bool {
        self.explains.load(Ordering::Relaxed)
    }

    /// Gives an event to every interested addon in order.
    pub(crate) async fn run(&self, kernel: &Kernel, mut event: Event<'_>) {
        let hook = event.hook();
        let links = self.links.load_full();
        let explains = self.explains();
        for (interest, link) in links.iter() {
            if !interest.contains(hook) {
                continue;
            }
            let before = if explains {
                Before::of(&mut event)
            } else {
                None
            };
            match link {
                Link::Sync(addon) => deliver(addon.as_ref(), kernel, event.reborrow()),
                Link::Async(addon) => addon.call(kernel, event.reborrow()).await,
            }
            if let Some(before) = before {
                let is_slow = matches!(link, Link::Async(_));
                before.note(link.addon().name(), is_slow, &mut event);
            }
        }
    }

    /// The most that any addon needs of the content of this message, and who needs that.
    pub fn content_need(
        &self,
        kernel: &Kernel,
        flow: &HttpFlow,
        part: Part,
    ) -> (ContentNeed, Option<&'static str>) {
        if !self.interest().wants_content() {
            return (ContentNeed::Nothing, None);
        }
        let mut most = (ContentNeed::Nothing, None);
        for (interest, link) in self.links.load().iter() {
            if !interest.wants_content() {
                continue;
            }
            let need = link.addon().content_need(kernel, flow, part);
            if need > most.0 {
                most = (need, Some(link.addon().name()));
            }
        }
        most
    }

    /// The functions that the content of this message passes through, in order; asked after the hook of its head.
    pub fn stream_filters(
        &self,
        kernel: &Kernel,
        flow: &HttpFlow,
        part: Part,
    ) -> Vec<Box<dyn StreamFilter>> {
        if !self.interest().wants_content() {
            return Vec::new();
        }
        self.links
            .load()
            .iter()
            .filter(|(interest, _)| interest.wants_content())
            .filter_map(|(_, link)| link.addon().stream_filter(kernel, flow, part))
            .collect()
    }

    /// Tells all addons about changed options; the first refusal ends it.
    ///
    /// # Errors
    /// The refusal, one line.
    pub fn configure(
        &self,
        kernel: &Kernel,
        options: &Options,
        changed: &Changed,
    ) -> Result<(), String> {
        self.links
            .load()
            .iter()
            .try_for_each(|(_, link)| link.addon().configure(kernel, options, changed))
    }

    /// Tells all addons that the listeners are up.
    pub fn running(&self, kernel: &Kernel) {
        self.links
            .load()
            .iter()
            .for_each(|(_, link)| link.addon().running(kernel));
    }

    /// Tells all addons that the program ends.
    pub fn done(&self, kernel: &Kernel) {
        self.links
            .load()
            .iter()
            .for_each(|(_, link)| link.addon().done(kernel));
    }

    /// Tells all addons that flows were changed.
    pub fn update(&self, kernel: &Kernel, flows: &[FlowRef<'_>]) {
        if !self.interest().wants_updates() {
            return;
        }
        for (interest, link) in self.links.load().iter() {
            if interest.wants_updates() {
                link.addon().update(kernel, flows);
            }
        }
    }
}
