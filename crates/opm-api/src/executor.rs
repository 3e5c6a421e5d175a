//! Where calls run: at once, within their connection, for as long as they do not wait.

use std::task::{Context, Waker};

use hyper::rt::Executor;

/// Runs a call on the spot, up to where it has to wait; the rest becomes a task. Most calls never wait, and need no task: their
/// answers are written together with whatever else the connection has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtOnce;

impl<F> Executor<F> for AtOnce
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, call: F) {
        let mut call = Box::pin(call);
        // Nobody is to be woken: the task looks once more for itself.
        if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            tokio::spawn(call);
        }
    }
}
