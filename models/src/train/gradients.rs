//! Gradients of all parameters together.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::Named;
use super::network::{Network, stored_name};
use super::quant::values;
use crate::ModelError;

/// Visits every gradient by the path of its parameter.
struct Visit<'a, F> {
    grads: &'a GradientsParams,
    path: Vec<String>,
    take: F,
}

impl<F: FnMut(&str, Tensor<1>)> ModuleVisitor for Visit<'_, F> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id) {
            (self.take)(&stored_name(&self.path), grad.reshape([-1]));
        }
    }
}

fn visit(network: &Network, grads: &GradientsParams, take: impl FnMut(&str, Tensor<1>)) {
    network.visit(&mut Visit {
        grads,
        path: Vec::new(),
        take,
    });
}

/// The Euclidean norm of all gradients.
pub(crate) fn norm(network: &Network, grads: &GradientsParams) -> Result<f64, ModelError> {
    let mut squares = Vec::new();
    visit(network, grads, |_, g| squares.push(g.square().sum()));
    if squares.is_empty() {
        return Ok(0.0);
    }
    let squares = values(Tensor::cat(squares, 0))?;
    Ok(squares.iter().map(|s| f64::from(*s)).sum::<f64>().sqrt())
}

/// Numbers of every gradient by the name of its parameter.
pub(crate) fn named(network: &Network, grads: &GradientsParams) -> Result<Named, ModelError> {
    let mut found = Vec::new();
    visit(network, grads, |name, g| found.push((name.to_owned(), g)));
    found
        .into_iter()
        .map(|(name, g)| Ok((name, values(g)?)))
        .collect()
}
