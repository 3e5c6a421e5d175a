//! Asks a catalog server what it has: `ask ADDRESS` prints every package, its channels, and the APIs that each head provides.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use opm_api::Client;
use opm_model::BundleKey;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: ask ADDRESS, as in `ask localhost:50051`")?;
    let client = Client::connect(&address).await?;
    for name in client.list_packages().await? {
        let package = client.package(&name).await?;
        println!("package {name}");
        for channel in &package.channels {
            let key = BundleKey { package: &name, channel: &channel.name, csv_name: &channel.csv_name };
            let head = client.bundle(&key).await?;
            let default = if channel.name == package.default_channel { " (default)" } else { "" };
            println!("  channel {}{default}: {}, version {}", channel.name, head.csv_name, head.version);
            for api in &head.provided_apis {
                println!("    provides {api}");
            }
        }
    }
    Ok(())
}
