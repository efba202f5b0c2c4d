//! Ends the program when there is nothing left to do (options.md: "mitmdump ends by itself").

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use midwire_core::Kernel;
use midwire_core::hooks::{Addon, HookSet};
use midwire_core::options::Options;

/// Time between looks.
const POLL: Duration = Duration::from_millis(50);

/// Tells whether something still has work to do, e.g. a replay.
pub type Busy = Box<dyn Fn() -> bool + Send + Sync>;

/// Ends the program after a replay or a flow file, unless `keepserving` is on.
pub struct KeepServing {
    kernel: Weak<Kernel>,
    busy: std::sync::Arc<[Busy]>,
}

impl KeepServing {
    /// Waits for flow files, client connections and all of `busy`.
    pub fn new(kernel: Weak<Kernel>, busy: Vec<Busy>) -> Self {
        Self {
            kernel,
            busy: busy.into(),
        }
    }
}

impl Addon for KeepServing {
    fn name(&self) -> &'static str {
        "keepserving"
    }

    fn interest(&self, _: &Options) -> HookSet {
        HookSet::EMPTY
    }

    fn running(&self, kernel: &Kernel) {
        let options = kernel.options().load();
        let has_work = options.rfile.is_some()
            || !options.client_replay.is_empty()
            || !options.server_replay.is_empty();
        // A recording that grows is there for traffic to come.
        if options.keepserving || options.server_replay_record_new || !has_work {
            return;
        }
        let kernel = self.kernel.clone();
        let busy = std::sync::Arc::clone(&self.busy);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(POLL).await;
                let Some(kernel) = kernel.upgrade() else {
                    return;
                };
                let works = kernel.reading().load(Ordering::SeqCst) > 0
                    || kernel.connections() > 0
                    || busy.iter().any(|busy| busy());
                if !works {
                    kernel.shutdown().cancel();
                    return;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use midwire_core::Link;
    use midwire_core::log::LogStream;
    use midwire_core::options::{OptionStore, Tool, Value};

    use super::*;

    fn kernel(options: &[(&str, Value)]) -> Arc<Kernel> {
        let store = OptionStore::new(Tool::Dump);
        store.update(options.iter().cloned()).unwrap();
        Arc::new(Kernel::new(store, LogStream::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_program_ends_when_all_work_is_done() {
        let kernel = kernel(&[("server_replay", Value::Seq(vec!["x".into()]))]);
        let more = Arc::new(AtomicBool::new(true));
        let busy = Arc::clone(&more);
        let busy: Busy = Box::new(move || busy.load(Ordering::SeqCst));
        let addon = KeepServing::new(Arc::downgrade(&kernel), vec![busy]);
        kernel
            .set_addons(vec![Link::Sync(Arc::new(addon))])
            .unwrap();
        kernel.start();
        let guard = kernel.count_connection();
        more.store(false, Ordering::SeqCst);
        tokio::time::sleep(POLL * 4).await;
        assert!(!kernel.shutdown().is_cancelled(), "a connection is open");
        more.store(true, Ordering::SeqCst);
        drop(guard);
        tokio::time::sleep(POLL * 4).await;
        assert!(!kernel.shutdown().is_cancelled(), "a replay goes on");
        more.store(false, Ordering::SeqCst);
        kernel.shutdown().cancelled().await;
        assert_eq!(kernel.failure(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_program_goes_on_without_such_work() {
        for options in [
            vec![],
            vec![
                ("rfile", Value::Str("x".to_owned())),
                ("keepserving", Value::Bool(true)),
            ],
        ] {
            let kernel = kernel(&options);
            let addon = KeepServing::new(Arc::downgrade(&kernel), Vec::new());
            kernel
                .set_addons(vec![Link::Sync(Arc::new(addon))])
                .unwrap();
            kernel.start();
            tokio::time::sleep(POLL * 4).await;
            assert!(!kernel.shutdown().is_cancelled());
        }
    }
}
