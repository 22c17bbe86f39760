//! `kiln dataset`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use kiln_datasets::{Recipe, fetch};
use serde_json::json;

use crate::args::{DatasetAction, DatasetArgs, FetchArgs};
use crate::console;
use crate::files::{self, Source};
use crate::progress::Progress;
use crate::usage::UsageError;

/// Runs the subcommand.
pub fn run(args: &DatasetArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    match &args.action {
        DatasetAction::List { json } => list(*json)?,
        DatasetAction::Fetch(args) => get(args, quiet)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(json: bool) -> anyhow::Result<()> {
    let recipes: Vec<Recipe> = Recipe::names().filter_map(Recipe::bundled).collect();
    if json {
        let sets: Vec<_> = recipes
            .iter()
            .map(|recipe| {
                json!({
                    "name": recipe.name, "title": recipe.title, "source": recipe.source,
                    "licence": recipe.licence, "bytes": recipe.bytes(),
                })
            })
            .collect();
        return console::print_json(&json!({ "datasets": sets }));
    }
    let lines: String = recipes
        .iter()
        .map(|recipe| {
            format!(
                "{}: {}, {:.1} MB\n  {}\n  {}\n",
                recipe.name,
                recipe.title,
                recipe.bytes() as f64 / 1e6,
                recipe.licence,
                recipe.source
            )
        })
        .collect();
    console::print(&lines)
}

fn get(args: &FetchArgs, quiet: bool) -> anyhow::Result<()> {
    let recipe = recipe(&args.set)?;
    if !quiet {
        console::remark(&format!("licence: {}", recipe.licence));
    }
    let progress = Progress::new(recipe.name.clone(), quiet);
    let dataset = fetch(&recipe, &args.to, &|name, done, total| {
        progress.set(name, done, total);
    })?;
    drop(progress);
    let folder = args.to.display();
    if args.json {
        return console::print_json(&json!({
            "name": recipe.name, "licence": recipe.licence, "folder": folder.to_string(), "pictures": dataset.len(),
        }));
    }
    console::print(&format!("{} pictures in {folder}\n", dataset.len()))
}

/// The manifest of a name, or in a file.
fn recipe(set: &Path) -> anyhow::Result<Recipe> {
    if let Some(recipe) = set.to_str().and_then(Recipe::bundled) {
        return Ok(recipe);
    }
    if !set.is_file() {
        let names: Vec<&str> = Recipe::names().collect();
        let message = format!(
            "{} is not a manifest, and none of the names {}",
            set.display(),
            names.join(", ")
        );
        return Err(UsageError(message).into());
    }
    let bytes = files::read(&Source::File(set.to_owned()))?;
    let what = || format!("cannot use {}", set.display());
    let text = std::str::from_utf8(&bytes).with_context(what)?;
    Recipe::parse(text).with_context(what)
}
