#![allow(warnings)]
use opm_api::{ServeOptions, Server, encode};
use opm_model::*;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
struct F {
    packages: std::collections::BTreeMap<String, Package>,
    file: std::fs::File,
    len: u64,
}
impl Query for F {
    fn list_packages(&self, _: &Stop) -> Result<Vec<String>, QueryError> {
        Ok(self.packages.keys().cloned().collect())
    }
    fn package(&self, n: &str, _: &Stop) -> Result<Package, QueryError> {
        self.packages.get(n).cloned().ok_or_else(|| QueryError::NoPackage(n.into()))
    }
    fn has_graph_in_memory(&self) -> bool {
        true
    }
    fn bundle(&self, k: &BundleKey<'_>, _: &Stop) -> Result<Reply<Bundle>, QueryError> {
        Ok(Reply::Value(Bundle::default()))
    }
    fn channel_head(&self, p: &str, c: &str, _: &Stop) -> Result<Reply<Bundle>, QueryError> {
        Ok(Reply::Value(Bundle::default()))
    }
    fn entries_that_replace(&self, _: &str, _: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        Ok(vec![])
    }
    fn bundle_that_replaces(&self, k: &BundleKey<'_>, _: &Stop) -> Result<Reply<Bundle>, QueryError> {
        Ok(Reply::Value(Bundle::default()))
    }
    fn entries_that_provide(&self, _: &Gvk, _: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        Ok(vec![])
    }
    fn latest_entries_that_provide(&self, _: &Gvk, _: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        Ok(vec![])
    }
    fn default_bundle_that_provides(&self, _: &Gvk, _: &Stop) -> Result<Reply<Bundle>, QueryError> {
        Ok(Reply::Value(Bundle::default()))
    }
    fn list_bundles(&self, from: Cursor, _: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, QueryError> {
        let n = (self.len - from.0).min(65536) as usize;
        let mut v = vec![0; n];
        self.file.read_exact_at(&mut v, from.0).unwrap();
        let next = from.0 + n as u64;
        Ok(Page { items: Reply::Encoded(v), next: (next < self.len).then_some(Cursor(next)) })
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect(); // port bundles size
    let (port, n, size): (u16, usize, usize) = (a[1].parse().unwrap(), a[2].parse().unwrap(), a[3].parse().unwrap());
    let mut packages = std::collections::BTreeMap::new();
    for i in 0..300 {
        let name = format!("package-{i}-operator");
        packages.insert(
            name.clone(),
            Package {
                name,
                default_channel: "stable".into(),
                channels: (0..4)
                    .map(|c| Channel {
                        name: format!("channel-{c}"),
                        csv_name: format!("package-{i}-operator.v{c}.1.2"),
                        deprecation: None,
                    })
                    .collect(),
                deprecation: None,
            },
        );
    }
    let path = "/tmp/wt/zz.bin";
    {
        use std::io::Write;
        let mut f = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
        for i in 0..n {
            f.write_all(&encode::bundle(Bundle {
                csv_name: format!("b{i}"),
                csv_json: "x".repeat(size),
                ..Bundle::default()
            }))
            .unwrap();
        }
    }
    let file = std::fs::File::open(path).unwrap();
    let len = file.metadata().unwrap().len();
    println!("{len} bytes");
    if std::env::var("LOG").is_ok() {}
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    rt.block_on(async move {
        let s = Server::bind(port).await.unwrap();
        let f: Arc<dyn Query> = Arc::new(F { packages, file, len });
        s.run(
            async { Ok::<_, ()>(f) },
            async {
                tokio::signal::ctrl_c().await;
            },
            ServeOptions::default(),
        )
        .await
        .unwrap();
    });
}
