//! The step of each group: coarse steps cost error or bits of latents, fine ones bits of the networks.

use kiln_fitted::{GROUPS, Group, Parameters};

use super::judge::{Cost, Judge};
use super::rounded::Rounded;
use crate::Error;

/// What a group of tensors changes beside its own bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    /// Bits of latents.
    Latents,
    /// Samples.
    Samples,
}

/// What a group changes.
pub(super) fn changes(group: Group) -> Changes {
    match group {
        Group::ArmWeights | Group::ArmBiases | Group::FeatureWeights | Group::FeatureBiases => {
            Changes::Latents
        }
        Group::Upsampling | Group::SynthesisWeights | Group::SynthesisBiases => Changes::Samples,
    }
}

/// The cost after a change of one group; `None` if no file can hold it.
pub(super) fn after(
    judge: &Judge,
    before: Cost,
    group: Group,
    parameters: &Parameters,
) -> Result<Option<Cost>, Error> {
    if parameters.check().is_err() {
        return Ok(None);
    }
    let mut cost = before;
    match changes(group) {
        Changes::Latents => cost.latents = judge.latents(parameters)?,
        Changes::Samples => cost.mse = judge.mse(parameters)?,
    }
    cost.networks = judge.networks(parameters);
    Ok(Some(cost))
}

/// Looks for the best step of each group, from those that the integers have now. Ends early where `goes_on` says so.
pub(super) fn search(
    rounded: &mut Rounded<'_>,
    judge: &Judge,
    goes_on: &mut dyn FnMut() -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut cost = judge.cost(rounded.parameters())?;
    for _ in 0..2 {
        let groups = GROUPS.into_iter().filter(|&g| rounded.uses(g));
        for group in groups.collect::<Vec<_>>() {
            for direction in [-1, 1] {
                let first = rounded.parameters().exponents[group as usize];
                let mut best = first;
                while goes_on()? {
                    let exponent = best.saturating_add_signed(direction);
                    if exponent == best || exponent > group.largest_exponent() {
                        break;
                    }
                    rounded.set_exponent(group, exponent);
                    match after(judge, cost, group, rounded.parameters())? {
                        Some(found) if judge.total(found) < judge.total(cost) => {
                            (best, cost) = (exponent, found);
                        }
                        _ => break,
                    }
                }
                rounded.set_exponent(group, best);
            }
        }
    }
    Ok(())
}
