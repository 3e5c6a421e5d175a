//! The Dockerfile of a catalog's image.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::Error;

/// The image that serves catalogs, where no other is asked for.
pub const DEFAULT_SERVER_IMAGE: &str = "quay.io/operator-framework/opm:latest";

/// The base image without anything in it.
const SCRATCH: &str = "scratch";

/// What the image of a catalog is made of.
#[derive(Clone, Copy, Debug)]
pub struct Dockerfile<'a> {
    /// The name of the directory that holds the catalog, beside the Dockerfile.
    pub directory: &'a str,
    /// The image that it is built upon: one that can serve it, or `scratch`.
    pub base_image: &'a str,
    /// The image in which the cache is made.
    pub builder_image: &'a str,
    /// Further labels, as `key=value`; of those with the same key the last counts.
    pub labels: &'a [String],
}

impl Dockerfile<'_> {
    /// The text of the Dockerfile.
    pub fn text(&self) -> Result<String, Error> {
        if self.builder_image == SCRATCH {
            return Err(Error::Usage(format!("invalid builder image: {SCRATCH:?}")));
        }
        if self.base_image.is_empty() {
            return Err(Error::Usage("base image is unset".to_owned()));
        }
        let mut labels = BTreeMap::new();
        for label in self.labels {
            let (key, value) = label
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| Error::Usage(format!("invalid label {label:?}, expected KEY=VALUE")))?;
            labels.insert(key, value);
        }
        let mut text = format!(
            "# The builder image is expected to contain\n# /bin/opm (with serve subcommand)\nFROM {} as builder\n\n\
             # Copy FBC root into image at /configs and pre-populate serve cache\nADD {} /configs\n\
             RUN [\"/bin/opm\", \"serve\", \"/configs\", \"--cache-dir=/tmp/cache\", \"--cache-only\"]\n\nFROM {}\n",
            self.builder_image, self.directory, self.base_image
        );
        text.push_str(if self.base_image == SCRATCH { ON_SCRATCH } else { ON_SERVER });
        text.push_str(CONTENT);
        if !labels.is_empty() {
            text.push_str("\n# Set other custom labels\n");
        }
        for (key, value) in labels {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "LABEL {}={}", quoted(key), quoted(value));
        }
        Ok(text)
    }
}

/// A word of a Dockerfile in quotes.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\\n"))
}

const ON_SERVER: &str = r#"# The base image is expected to contain
# /bin/opm (with serve subcommand) and /bin/grpc_health_probe

# Configure the entrypoint and command
ENTRYPOINT ["/bin/opm"]
CMD ["serve", "/configs", "--cache-dir=/tmp/cache"]
"#;

const ON_SCRATCH: &str = "# OLMv0 CatalogSources that use binary-less images must set:
# spec:
#   grpcPodConfig:
#     extractContent:
#       catalogDir: /configs
#       cacheDir: /tmp/cache
";

const CONTENT: &str = "
COPY --from=builder /configs /configs
COPY --from=builder /tmp/cache /tmp/cache

# Set FBC-specific label for the location of the FBC root directory
# in the image
LABEL operators.operatorframework.io.index.configs.v1=/configs
";
