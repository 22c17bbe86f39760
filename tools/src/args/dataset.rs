//! `kiln dataset`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Arguments of `kiln dataset`.
#[derive(Args, Debug)]
pub struct DatasetArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: DatasetAction,
}

/// What `kiln dataset` does.
#[derive(Debug, Subcommand)]
pub enum DatasetAction {
    /// List the data sets that can be fetched by name
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Fetch the pictures of a data set, and check them by hash
    Fetch(FetchArgs),
}

/// Arguments of `kiln dataset fetch`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct FetchArgs {
    /// A name of `kiln dataset list`, or a manifest (a JSON file as datasets/manifests/README.md describes it)
    #[arg(value_name = "NAME|MANIFEST", value_hint = ValueHint::FilePath)]
    pub set: PathBuf,
    /// Folder for the pictures, made where it does not exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
This is the one command that uses the network, at the addresses in the manifest only. A fetch that was interrupted goes on
where it stopped; what is there already is checked and kept. Then `kiln bench DIR` measures on it.

Examples:
  kiln dataset fetch kodak --to kodak
  kiln dataset fetch my-manifest.json --to my-pictures";
