//! What a file holds: grids of latents, and networks with their tensors.

use crate::error::Error;

/// Size of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Rows, at least 1.
    pub height: usize,
    /// Columns, at least 1.
    pub width: usize,
}

/// Sizes of everything that is fitted to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Colour channels, 1 or 3.
    pub channels: usize,
    /// Resolutions of latents: 1, 1/2, 1/4 and so on, 1 to [`Shape::MAX_LEVELS`].
    pub levels: usize,
    /// How many of the coarsest resolutions have a second grid, which only helps to predict the others.
    pub hyper: usize,
    /// Neighbours of the same grid that a latent is predicted from: 1 to 20, the first of [`NEIGHBOURS`].
    pub contexts: usize,
    /// Features of the coarser grids that it is predicted from too, 0 to 8.
    pub features: usize,
    /// Hidden layers of the network that predicts, 0 to 3.
    pub hidden: usize,
    /// Width of the hidden layer of the synthesis, 0 to 64; with 0 only its linear branch is there.
    pub width: usize,
    /// Convolutions of 3 x 3 at the end of the synthesis, 0 to 3; 0 if `width` is.
    pub convolutions: usize,
}

/// Neighbours in the order in which they are taken: rows down and columns to the right of the latent that is predicted.
pub const NEIGHBOURS: [(isize, isize); 20] = [
    (0, -1),
    (-1, 0),
    (-1, -1),
    (-1, 1),
    (0, -2),
    (-2, 0),
    (-3, 0),
    (0, -3),
    (-1, -2),
    (-2, 1),
    (-2, -1),
    (-1, 2),
    (-2, -2),
    (-1, -3),
    (-2, 2),
    (-3, 1),
    (0, -4),
    (-1, 3),
    (-2, -3),
    (-2, 3),
];

/// Grids of the finest levels that see features of the coarser ones.
pub const WITH_FEATURES: usize = 3;

/// A grid of latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Its resolution is 1 / 2^level.
    pub level: usize,
    /// Whether the synthesis does not see it.
    pub hyper: bool,
}

/// What tensors share a precision and a spread of their values in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Weights of the network that predicts latents.
    ArmWeights,
    /// Its biases.
    ArmBiases,
    /// Weights of the features of coarser grids.
    FeatureWeights,
    /// Their biases.
    FeatureBiases,
    /// Filters of the upsampling.
    Upsampling,
    /// Weights of the synthesis.
    SynthesisWeights,
    /// Its biases.
    SynthesisBiases,
}

/// Every group, in the order of a file.
pub const GROUPS: [Group; 7] = [
    Group::ArmWeights,
    Group::ArmBiases,
    Group::FeatureWeights,
    Group::FeatureBiases,
    Group::Upsampling,
    Group::SynthesisWeights,
    Group::SynthesisBiases,
];

impl Group {
    /// The finest step of its values is 2 to the power of minus this.
    pub const fn largest_exponent(self) -> u8 {
        match self {
            Group::ArmBiases | Group::FeatureBiases | Group::SynthesisBiases => 16,
            _ => 12,
        }
    }
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Hidden layer of the prediction: `[n, n]`, the input is added to the output.
    ArmWeight(usize),
    /// Its bias, `[n]`.
    ArmBias(usize),
    /// Last layer, from the last hidden layer to mean and scale: `[2, n]`.
    ArmOut,
    /// Linear branch beside it, from the input to mean and scale: `[2, n]`.
    ArmLinear,
    /// Bias of both, `[2]`.
    ArmOutBias,
    /// Features of a grid (its place in [`Shape::grids`]): `[features, grids after it]`.
    FeatureWeight(usize),
    /// Their bias, `[features]`.
    FeatureBias(usize),
    /// Filter that doubles the resolution on the way to a level: 4 taps, mirrored to 8.
    Double(usize),
    /// Filter over the grid of a level: 4 taps, mirrored to 7.
    Filter(usize),
    /// First layer of the synthesis: `[width, levels]`.
    Hidden,
    /// Its bias, `[width]`.
    HiddenBias,
    /// Second layer: `[channels, width]`.
    Mix,
    /// Its bias, `[channels]`.
    MixBias,
    /// 3 x 3 convolution: `[channels out, channels in, 3, 3]`, the input is added to the output.
    Convolution(usize),
    /// Its bias, `[channels]`.
    ConvolutionBias(usize),
    /// Linear branch of the synthesis: `[channels, levels]`.
    Linear,
    /// Its bias, `[channels]`.
    LinearBias,
}

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// What it is for.
    pub role: Role,
    /// What it shares its precision with.
    pub group: Group,
    /// Its dimensions, the last one running fastest.
    pub dims: Vec<usize>,
}

impl Tensor {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shape {
    /// Most resolutions.
    pub const MAX_LEVELS: usize = 9;

    /// The smallest networks there are: one grid, predicted from one neighbour, and a linear synthesis.
    pub const fn least(channels: usize) -> Self {
        Self {
            channels,
            levels: 1,
            hyper: 0,
            contexts: 1,
            features: 0,
            hidden: 0,
            width: 0,
            convolutions: 0,
        }
    }

    /// Checks that all sizes are within their ranges.
    ///
    /// # Errors
    /// [`Error::Parameters`].
    pub fn check(&self) -> Result<(), Error> {
        let convolutions = if self.width > 0 { 3 } else { 0 };
        let good = matches!(self.channels, 1 | 3)
            && (1..=Self::MAX_LEVELS).contains(&self.levels)
            && self.hyper <= self.levels
            && (1..=NEIGHBOURS.len()).contains(&self.contexts)
            && self.features <= 8
            && self.hidden <= 3
            && self.width <= 64
            && self.convolutions <= convolutions;
        good.then_some(())
            .ok_or(Error::Parameters("a shape out of range"))
    }

    /// Grids of a picture, from fine to coarse; a level's hyper grid comes after its other one. They are coded from the
    /// last to the first.
    pub fn grids(&self, height: usize, width: usize) -> Vec<Grid> {
        let grid = |level: usize, hyper| Grid {
            height: height.div_ceil(1 << level),
            width: width.div_ceil(1 << level),
            level,
            hyper,
        };
        let mut grids = Vec::new();
        for level in 0..self.levels {
            grids.push(grid(level, false));
            if level + self.hyper >= self.levels {
                grids.push(grid(level, true));
            }
        }
        grids
    }

    /// Number of grids.
    pub fn grid_count(&self) -> usize {
        self.levels + self.hyper
    }

    /// Inputs of the network that predicts.
    pub fn inputs(&self) -> usize {
        self.contexts + self.features
    }

    /// Columns by which a row must be behind the row above it, so that all that it is predicted from is known: a wavefront
    /// takes latents of equal `x + lag * y`.
    pub fn lag(&self) -> usize {
        let needed = |&(dy, dx): &(isize, isize)| match dy {
            0 => 1,
            // x + dx at y + dy must be over: dx + lag * dy <= -1.
            _ => (dx + 1).div_euclid(-dy) + isize::from((dx + 1).rem_euclid(-dy) != 0),
        };
        let most = NEIGHBOURS[..self.contexts].iter().map(needed).max();
        most.unwrap_or(1).max(1) as usize
    }

    /// Grids with features: places in [`Shape::grids`], fine to coarse.
    pub fn featured(&self) -> usize {
        match self.features {
            0 => 0,
            _ => WITH_FEATURES
                .min(self.levels - self.hyper)
                .min(self.grid_count() - 1),
        }
    }

    /// Every tensor, in the order of a file.
    pub fn tensors(&self) -> Vec<Tensor> {
        use Group::*;
        let n = self.inputs();
        let (c, levels) = (self.channels, self.levels);
        let mut all = Vec::new();
        let mut add = |role, group, dims: &[usize]| {
            all.push(Tensor {
                role,
                group,
                dims: dims.to_vec(),
            })
        };
        for layer in 0..self.hidden {
            add(Role::ArmWeight(layer), ArmWeights, &[n, n]);
            add(Role::ArmBias(layer), ArmBiases, &[n]);
        }
        if self.hidden > 0 {
            add(Role::ArmOut, ArmWeights, &[2, n]);
        }
        add(Role::ArmLinear, ArmWeights, &[2, n]);
        add(Role::ArmOutBias, ArmBiases, &[2]);
        for grid in 0..self.featured() {
            let after = self.grid_count() - 1 - grid;
            add(
                Role::FeatureWeight(grid),
                FeatureWeights,
                &[self.features, after],
            );
            add(Role::FeatureBias(grid), FeatureBiases, &[self.features]);
        }
        for level in (0..levels - 1).rev() {
            add(Role::Double(level), Upsampling, &[4]);
            add(Role::Filter(level), Upsampling, &[4]);
        }
        if self.width > 0 {
            add(Role::Hidden, SynthesisWeights, &[self.width, levels]);
            add(Role::HiddenBias, SynthesisBiases, &[self.width]);
            add(Role::Mix, SynthesisWeights, &[c, self.width]);
            add(Role::MixBias, SynthesisBiases, &[c]);
            for layer in 0..self.convolutions {
                add(Role::Convolution(layer), SynthesisWeights, &[c, c, 3, 3]);
                add(Role::ConvolutionBias(layer), SynthesisBiases, &[c]);
            }
        }
        add(Role::Linear, SynthesisWeights, &[c, levels]);
        add(Role::LinearBias, SynthesisBiases, &[c]);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hop` of Cool-chic 5.
    const HOP: Shape = Shape {
        channels: 3,
        levels: 7,
        hyper: 3,
        contexts: 14,
        features: 6,
        hidden: 2,
        width: 48,
        convolutions: 2,
    };

    #[test]
    fn sizes_add_up() {
        let weights: usize = HOP.tensors().iter().map(Tensor::len).sum();
        let arm = 2 * (20 * 20 + 20) + 2 * 20 + 2 * 20 + 2;
        let features = 6 * (9 + 8 + 7) + 3 * 6;
        let synthesis = 48 * 7 + 48 + 3 * 48 + 3 + 2 * (81 + 3) + 3 * 7 + 3;
        assert_eq!(weights, arm + features + 6 * 8 + synthesis);

        let grids = HOP.grids(511, 768);
        assert_eq!((grids.len(), HOP.grid_count()), (10, 10));
        let sizes = |g: &Grid| (g.height, g.width, g.level, g.hyper);
        assert_eq!(sizes(&grids[1]), (256, 384, 1, false));
        assert_eq!(sizes(&grids[5]), (32, 48, 4, true));
        assert_eq!(sizes(&grids[9]), (8, 12, 6, true));
    }

    #[test]
    fn lags_are_as_short_as_they_can_be() {
        let lag = |contexts| Shape { contexts, ..HOP }.lag();
        assert_eq!((lag(1), lag(10), lag(14), lag(20)), (1, 2, 3, 4));
    }
}
