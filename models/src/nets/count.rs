//! Layers that compute nothing and count what computing would take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::Module;
use burn::tensor::Tensor;

use super::arithmetic::{Arithmetic, Layer, Spec};
use crate::{ModelError, WeightsError};

/// Makes layers that count into one sum.
#[derive(Clone, Debug, Default)]
pub struct Count {
    macs: Arc<AtomicU64>,
}

impl Count {
    /// Multiply-accumulates since the last call.
    pub fn take(&self) -> u64 {
        self.macs.swap(0, Ordering::Relaxed)
    }

    fn counted(&self, spec: Spec) -> Counted {
        Counted {
            spec,
            macs: self.macs.clone(),
        }
    }
}

/// A layer that makes zeros of the right shape and counts.
#[derive(Module, Debug)]
pub struct Counted {
    #[module(skip)]
    spec: Spec,
    #[module(skip)]
    macs: Arc<AtomicU64>,
}

impl Layer for Counted {
    type At = ();

    fn forward(&self, x: Tensor<4>, _: &()) -> Result<Tensor<4>, ModelError> {
        let [b, channels, h, w] = x.dims();
        let Spec {
            kind,
            input,
            outputs,
            ..
        } = self.spec;
        assert_eq!(channels, input.channels, "channels of {:?}", self.spec);
        let macs = kind.macs(input.channels, outputs, h, w);
        self.macs.fetch_add(b as u64 * macs, Ordering::Relaxed);
        Ok(Tensor::zeros(
            [b, outputs, kind.side(h), kind.side(w)],
            &x.device(),
        ))
    }

    fn add(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
        a + b
    }
}

impl Arithmetic for Count {
    type Layer = Counted;

    fn layer(&mut self, _: &str, spec: Spec) -> Result<Counted, WeightsError> {
        Ok(self.counted(spec))
    }

    fn parts(&mut self, _: &str, spec: Spec, parts: usize) -> Result<Vec<Counted>, WeightsError> {
        let outputs = spec.outputs / parts;
        Ok((0..parts)
            .map(|_| self.counted(Spec { outputs, ..spec }))
            .collect())
    }
}
