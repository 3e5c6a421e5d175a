use clap::Args;
use opm_action::Context;
use opm_action::index::mirror::verify::{self, Options};

/// Prove that a store has all that it is to carry
///
/// Reads every byte of it, and needs no network. Exits with 3 and names all images of which something is lacking or damaged.
#[derive(Args)]
#[command(after_help = "Example:\n  opm index mirror verify oci-archive:store.tar")]
pub(crate) struct Verify {
    /// oci:DIR or oci-archive:FILE
    store: String,

    /// Remove blobs that are not what their digests say, so that the next run that fills the store fetches them
    #[arg(long)]
    remove_damaged: bool,
}

impl Verify {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let verified =
            verify::run(&Options { store: self.store, remove_damaged: self.remove_damaged }, context).await?;
        let earlier = match verified.earlier {
            0 => String::new(),
            earlier => format!("; {earlier} images are in earlier stores"),
        };
        opm_cli::print(&format!("{} images are whole{earlier}\n", verified.images))
    }
}
