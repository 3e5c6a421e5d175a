//! What the command lines of all binaries share: how arguments are read, what is logged and how, how a run ends.
//!
//! It knows terminals, signals and exit codes, and nothing of catalogs.

mod amounts;
mod lines;
mod listen;
mod log;
mod output;
mod path;
mod progress;
mod pull;
mod run;
mod serve;
mod share;
mod yes_or_no;

pub use amounts::{bytes, duration};
pub use listen::{ListenArgs, given};
pub use log::{Format, Level, LogArgs};
pub use output::{Piped, print, warn};
pub use path::path;
pub use progress::{ProgressArg, Shown};
pub use pull::{PullArgs, PullToolArg};
pub use run::{run, start, write_share};
pub use serve::ServeArgs;
pub use yes_or_no::YesOrNo;
