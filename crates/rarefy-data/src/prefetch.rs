//! Batches of any kind, prepared by background threads while the consumer computes.
//!
//! Invariant: thread `t` of `n` prepares batches t, t + n, t + 2n, … into a bounded queue of its own, and the consumer goes
//! round the queues, so that the order does not depend on which thread is faster. When the consumer stops early, the
//! queues close and the threads end.

use crate::error::DataError;
use crate::loader::Batch;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Background threads and queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefetch {
    /// Threads that prepare batches.
    pub threads: usize,
    /// Batches that each thread may have ready.
    pub queue: usize,
}

impl Default for Prefetch {
    fn default() -> Self {
        Self { threads: 1, queue: 4 }
    }
}

impl Prefetch {
    pub(crate) fn check(self) -> Result<(), DataError> {
        if self.threads == 0 || self.queue == 0 {
            return Err(DataError::setting("prefetch: expected at least one thread and a queue of at least one batch"));
        }
        Ok(())
    }
}

/// The batches of an epoch, in order.
#[derive(Debug)]
pub struct Batches<B = Batch> {
    queues: Vec<Receiver<B>>,
    workers: Vec<Option<JoinHandle<()>>>,
    next: usize,
    total: usize,
}

impl<B: Send + 'static> Batches<B> {
    /// Prepares the batches of `plan` from batch `first` on.
    pub(crate) fn start(
        mut plan: Vec<Vec<usize>>,
        first: usize,
        prefetch: Prefetch,
        prepare: impl Fn(&[usize]) -> B + Send + Sync + 'static,
    ) -> Self {
        plan.drain(..first.min(plan.len()));
        let threads = prefetch.threads.min(plan.len()).max(1);
        let total = plan.len();
        let (plan, prepare) = (Arc::new(plan), Arc::new(prepare));
        let mut workers = Vec::with_capacity(threads);
        let mut queues = Vec::with_capacity(threads);
        for thread in 0..threads {
            let (sender, receiver) = sync_channel(prefetch.queue);
            let (plan, prepare) = (Arc::clone(&plan), Arc::clone(&prepare));
            let work = move || produce(plan.iter().skip(thread).step_by(threads), &*prepare, &sender);
            let worker = std::thread::Builder::new().name(format!("rarefy-loader-{thread}")).spawn(work);
            workers.push(Some(worker.expect("the system starts a thread")));
            queues.push(receiver);
        }
        Self { queues, workers, next: 0, total }
    }
}

fn produce<'a, B>(plan: impl Iterator<Item = &'a Vec<usize>>, prepare: &impl Fn(&[usize]) -> B, queue: &SyncSender<B>) {
    for ids in plan {
        if queue.send(prepare(ids)).is_err() {
            // The consumer is gone.
            return;
        }
    }
}

impl<B> Iterator for Batches<B> {
    type Item = B;

    fn next(&mut self) -> Option<B> {
        if self.next == self.total {
            return None;
        }
        let turn = self.next % self.queues.len();
        self.next += 1;
        if let Ok(batch) = self.queues[turn].recv() {
            return Some(batch);
        }
        // A thread ends before its last batch only by a panic: pass it on rather than end the epoch early.
        match self.workers[turn].take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => unreachable!("a loader thread sends all its batches"),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.total - self.next, Some(self.total - self.next))
    }
}

impl<B> ExactSizeIterator for Batches<B> {}

impl<B> Drop for Batches<B> {
    fn drop(&mut self) {
        self.queues.clear();
        for worker in self.workers.iter_mut().filter_map(Option::take) {
            // A panic in a batch that nobody asked for any more is no news.
            let _ = worker.join();
        }
    }
}
