//! The curve of a run as CSV: means over some steps.

use kiln_models::StepReport;

/// Steps that share a line.
const EVERY: u64 = 10;

/// Lines so far and the sums of the next one.
#[derive(Default)]
pub struct Curve {
    rows: Vec<[String; 6]>,
    loss: f64,
    bpp: f64,
    mse: f64,
    steps: u64,
}

impl Curve {
    /// Adds a step, numbered from the start of training, taken after `minutes` of this run.
    pub fn add(&mut self, step: u64, minutes: f64, rate: f64, report: &StepReport) {
        self.loss += report.loss;
        self.bpp += report.bpp;
        self.mse += report.mse;
        self.steps += 1;
        if self.steps == EVERY {
            let mean = |sum: f64| sum / EVERY as f64;
            self.rows.push([
                step.to_string(),
                format!("{minutes:.2}"),
                format!("{rate:.2e}"),
                format!("{:.5}", mean(self.loss)),
                format!("{:.4}", mean(self.bpp)),
                format!("{:.3}", mean(self.mse)),
            ]);
            let rows = std::mem::take(&mut self.rows);
            *self = Self {
                rows,
                ..Self::default()
            };
        }
    }

    /// The file so far.
    pub fn csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(["step", "minutes", "rate", "loss", "bpp", "mse"])?;
        for row in &self.rows {
            out.write_record(row)?;
        }
        Ok(out.into_inner().map_err(|e| e.into_error())?)
    }
}
