//! Integers one by one: each goes towards what costs fewer bits while the whole cost falls.
//!
//! Known as rate-distortion optimised quantisation; Cool-chic does it with its weights since version 5.0.1.

use kiln_fitted::{Parameters, default_value};

use super::judge::Judge;
use super::pace::Pace;
use super::steps::after;
use crate::Error;

/// Most steps of one integer.
const LONGEST: i32 = 8;

/// Changed integers of a lower cost. Ends early where `pace` says so.
pub(super) fn walk(
    parameters: &Parameters,
    judge: &Judge,
    pace: &Pace<'_>,
) -> Result<Parameters, Error> {
    let mut best = parameters.clone();
    let mut cost = judge.cost(&best)?;
    for (place, tensor) in parameters.shape.tensors().iter().enumerate() {
        let exponent = parameters.exponent(tensor.group);
        for index in 0..tensor.len() {
            if !pace.goes_on()? {
                return Ok(best);
            }
            let free = default_value(tensor.role, index, exponent);
            for _ in 0..LONGEST {
                let before = best.values[place][index];
                if before == free {
                    break;
                }
                best.values[place][index] = before + (free - before).signum();
                match after(judge, cost, tensor.group, &best)? {
                    Some(found) if judge.total(found) < judge.total(cost) => cost = found,
                    _ => {
                        best.values[place][index] = before;
                        break;
                    }
                }
            }
        }
    }
    Ok(best)
}
