use clap::{Args, ValueEnum};
use opm_action::Context;
use opm_action::alpha::bundle::validate::{self, Options};
use opm_cli::{PullArgs, PullToolArg};

/// Check a bundle
///
/// Reports everything that is wrong with it, with file and line. The exit status is 1 where there is an error; warnings do not
/// count. The categories that the operatorhub checks know may be named in a JSON file, by the environment variable
/// OPERATOR_BUNDLE_CATEGORIES.
#[derive(Args)]
#[command(after_help = "Examples:
  opm bundle validate ./bundle
  opm bundle validate -t quay.io/ns/etcd-bundle:0.9.4 \\
      -o operatorhub,bundle-objects
  opm bundle validate oci:./layout --output json \\
      | jq '.findings[] | .file, .line, .message'")]
pub(crate) struct Validate {
    /// Bundle: a directory, an image, oci:DIR[:TAG] or an archive
    #[arg(value_name = "BUNDLE", required_unless_present = "tag")]
    bundle: Option<String>,

    /// Another way to name the bundle
    #[arg(short, long, value_name = "BUNDLE", conflicts_with = "bundle")]
    tag: Option<String>,

    /// Tool to pull the image with
    #[arg(short = 'b', long, value_enum, value_name = "TOOL", default_value_t)]
    image_builder: PullToolArg,

    /// Checks to make besides the usual ones, separated by commas; text and json mean --output
    #[arg(short, long, value_enum, value_name = "NAMES", value_delimiter = ',')]
    optional_validators: Vec<Validator>,

    /// Form of the findings
    #[arg(long, value_enum, value_name = "FORMAT")]
    output: Option<Form>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Validator {
    /// The rules of operatorhub.io
    Operatorhub,
    /// The rules for disruption budgets, priority classes and roles
    BundleObjects,
    #[value(hide = true)]
    Text,
    #[value(hide = true)]
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line for each finding
    Text,
    /// One JSON object
    Json,
}

impl Validate {
    pub(super) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let has = |validator| self.optional_validators.contains(&validator);
        let is_json = self.output.map_or(has(Validator::Json), |form| form == Form::Json);
        let options = Options {
            operatorhub: has(Validator::Operatorhub),
            bundle_objects: has(Validator::BundleObjects),
            bundle: self.bundle.or(self.tag).unwrap_or_default(),
            images: pull.options()?,
            tool: self.image_builder.into(),
            categories: std::env::var_os("OPERATOR_BUNDLE_CATEGORIES").filter(|path| !path.is_empty()).map(Into::into),
        };
        let report = validate::run(&options, context).await?;
        opm_cli::print(&if is_json { validate::to_json(&report)? } else { validate::to_text(&report) })?;
        validate::to_result(&report)
    }
}
