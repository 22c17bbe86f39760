//! Measuring: first rate and distortion, several pictures at once; then times, one picture at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use image::RgbImage;
use kiln_datasets::{Dataset, Item};
use kiln_measure::codec::{Codec, measure_row, measure_times};
use kiln_measure::metrics::{self, MetricGroup};
use kiln_measure::results::{Machine, Origin, PictureInfo, Row, Times};
use rayon::prelude::*;

use super::journal::{Journal, Key};
use super::save::slug;
use crate::digest::sha256;
use crate::files::{self, Source};
use crate::progress::Progress;

/// A picture of the data set, without its pixels.
pub struct Subject {
    /// What results say of it.
    pub info: PictureInfo,
    item: Item,
}

/// What to do with each codec.
pub struct Plan<'a> {
    /// The pictures.
    pub subjects: &'a [Subject],
    /// Measures of distortion.
    pub metrics: &'a [MetricGroup],
    /// How many of the first pictures are timed.
    pub timed: usize,
    /// Whether each file takes long, and one thread: they are made on threads of their own, and none twice.
    pub fits: bool,
    /// What times depend on.
    pub machine: &'a Machine,
    /// Folder of the journals.
    pub folder: &'a Path,
    /// Whether to go on with an earlier run.
    pub resume: bool,
    /// No progress bar.
    pub quiet: bool,
}

/// Reads every picture once.
///
/// # Errors
/// A file cannot be read or is not a picture.
pub fn subjects(dataset: &Dataset, quiet: bool) -> anyhow::Result<Vec<Subject>> {
    let progress = Progress::new("reading", quiet);
    let done = AtomicU64::new(0);
    let items: Vec<&Item> = dataset.iter().collect();
    items
        .par_iter()
        .map(|&item| {
            let (pixels, bytes) = files::read_rgb8(&Source::File(item.path.clone()))?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.set(&item.name, done, items.len() as u64);
            let (width, height) = pixels.dimensions();
            Ok(Subject {
                info: PictureInfo {
                    name: item.name.clone(),
                    width,
                    height,
                    sha256: sha256(&bytes),
                },
                item: item.clone(),
            })
        })
        .collect()
}

impl Subject {
    /// The pixels as 8-bit RGB, which all measures are defined on.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub fn pixels(&self) -> anyhow::Result<RgbImage> {
        Ok(files::read_rgb8(&Source::File(self.item.path.clone()))?.0)
    }
}

impl Plan<'_> {
    /// One row for every picture and setting, by setting and then by picture.
    ///
    /// # Errors
    /// A picture cannot be coded, or the journal cannot be written.
    pub fn measure(&self, codec: &dyn Codec, settings: &[f64]) -> anyhow::Result<Vec<Row>> {
        let name = &codec.about().name;
        let path = self.folder.join(format!("{}.jsonl", slug(name)));
        let journal = Journal::open(&path, self.resume)?;
        let jobs: Vec<(&Subject, f64)> = settings
            .iter()
            .flat_map(|&q| self.subjects.iter().map(move |subject| (subject, q)))
            .collect();
        let mut rows = self.rates(codec, &jobs, &journal)?;
        self.times(codec, &jobs, &mut rows, &journal)?;
        Ok(rows)
    }

    /// Rate and distortion, on all threads.
    fn rates(
        &self,
        codec: &dyn Codec,
        jobs: &[(&Subject, f64)],
        journal: &Journal,
    ) -> anyhow::Result<Vec<Row>> {
        let about = codec.about();
        let progress = Progress::new(format!("bench {}", about.name), self.quiet);
        let done = AtomicU64::new(0);
        let groups: Vec<String> = self.metrics.iter().map(MetricGroup::to_string).collect();
        let of = format!(
            "{}, measures {} {}",
            about.identity,
            metrics::REVISION,
            groups.join(",")
        );
        if about.origin == Origin::Own && !self.fits {
            self.warm_up(codec, jobs, journal, &of)?;
        }
        let row = |&(subject, q): &(&Subject, f64)| {
            let key = key(&of, q, subject);
            let row = match journal.row(&key) {
                Some(row) => row.clone(),
                None => {
                    let name = &subject.info.name;
                    let row = measure_row(codec, name, &subject.pixels()?, q, self.metrics)
                        .with_context(|| what(codec, subject, q))?;
                    journal.note_row(key, row.clone())?;
                    row
                }
            };
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.set(&subject.info.name, done, jobs.len() as u64);
            Ok(row)
        };
        match self.fits && about.origin == Origin::Own {
            true => on_threads(jobs, row),
            false => jobs.par_iter().with_max_len(1).map(row).collect(),
        }
    }

    /// One run alone on the largest picture, if anything is left to measure: it may start a device and load weights
    /// onto it, which must not happen on several threads at once.
    fn warm_up(
        &self,
        codec: &dyn Codec,
        jobs: &[(&Subject, f64)],
        journal: &Journal,
        of: &str,
    ) -> anyhow::Result<()> {
        let left = |job: &&(&Subject, f64)| journal.row(&key(of, job.1, job.0)).is_none();
        let pixels = |info: &PictureInfo| u64::from(info.width) * u64::from(info.height);
        let largest = jobs
            .iter()
            .filter(left)
            .max_by_key(|(subject, _)| pixels(&subject.info));
        if let Some(&(subject, q)) = largest {
            measure_times(codec, &subject.pixels()?, q).with_context(|| what(codec, subject, q))?;
        }
        Ok(())
    }

    /// Times of the first pictures: one after the other, while nothing else runs.
    fn times(
        &self,
        codec: &dyn Codec,
        jobs: &[(&Subject, f64)],
        rows: &mut [Row],
        journal: &Journal,
    ) -> anyhow::Result<()> {
        let about = codec.about();
        let of = format!(
            "{}, on {}",
            about.identity,
            serde_json::to_string(self.machine)?
        );
        let timed: Vec<&Subject> = self.subjects.iter().take(self.timed).collect();
        let is_timed = |subject: &Subject| timed.iter().any(|other| std::ptr::eq(*other, subject));
        let total = jobs.iter().filter(|(subject, _)| is_timed(subject)).count() as u64;
        let progress = Progress::new(format!("time {}", about.name), self.quiet);
        let (mut done, mut warm) = (0, false);
        for (&(subject, q), row) in jobs.iter().zip(rows) {
            row.times = Times::default();
            if !is_timed(subject) {
                continue;
            }
            progress.set(&subject.info.name, done, total);
            let key = key(&of, q, subject);
            row.times = match journal.times(&key) {
                Some(times) => times.clone(),
                None => {
                    let original = subject.pixels()?;
                    if !warm && !self.fits {
                        // The first run compiles kernels and touches memory for the first time.
                        measure_times(codec, &original, q)
                            .with_context(|| what(codec, subject, q))?;
                        warm = true;
                    }
                    let times = measure_times(codec, &original, q)
                        .with_context(|| what(codec, subject, q))?;
                    journal.note_times(key, times.clone())?;
                    times
                }
            };
            done += 1;
        }
        Ok(())
    }
}

/// The results of all jobs, in their order, on as many threads as rayon has. Not on rayon's, which begin another job while
/// they wait for a part of one.
fn on_threads<J: Sync, R: Send>(
    jobs: &[J],
    run: impl Fn(&J) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let lock = || found.lock().unwrap_or_else(PoisonError::into_inner);
    let worker = || {
        while let Some((place, job)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(place).map(|job| (place, job))
        } {
            let result = run(job);
            if result.is_err() {
                // What runs is finished; nothing else begins.
                next.store(jobs.len(), Ordering::Relaxed);
            }
            lock().insert(place, result);
        }
    };
    let count = rayon::current_num_threads().min(jobs.len()).max(1);
    std::thread::scope(|scope| {
        for _ in 1..count {
            scope.spawn(worker);
        }
        worker();
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.into_values().collect()
}

fn key(of: &str, q: f64, subject: &Subject) -> Key {
    Key {
        of: of.to_owned(),
        q: q.to_string(),
        picture: subject.info.sha256.clone(),
    }
}

fn what(codec: &dyn Codec, subject: &Subject, q: f64) -> String {
    let about = codec.about();
    format!(
        "{} at {} {q}, {}",
        about.name, about.setting, subject.info.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_measure::codec::{About, CodecError, Timed};

    /// Drops the lowest `q` bits of every sample, and counts how often it is asked.
    struct Shift(About, AtomicU64);

    impl Shift {
        fn new(identity: &str) -> Self {
            let about = About {
                name: "shift".into(),
                origin: Origin::Live,
                version: "1".into(),
                command: String::new(),
                setting: "bits".into(),
                identity: identity.into(),
                decoder_set: None,
                cost: None,
            };
            Self(about, AtomicU64::new(0))
        }
    }

    impl Codec for Shift {
        fn about(&self) -> &About {
            &self.0
        }
        fn encode(&self, picture: &RgbImage, q: f64) -> Result<Timed<Vec<u8>>, CodecError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            let samples = picture.as_raw().iter();
            let bytes = samples.map(|sample| (sample >> q as u8) << (q as u8));
            Ok(Timed::new(bytes.collect(), 2.0))
        }
        fn decode(&self, bytes: &[u8], (w, h): (u32, u32)) -> Result<Timed<RgbImage>, CodecError> {
            let picture = RgbImage::from_raw(w, h, bytes.to_vec()).unwrap();
            Ok(Timed::new(picture, 1.0))
        }
    }

    /// Equal but for the last bit of a number, which reading JSON may change.
    fn assert_same(a: &[Row], b: &[Row]) {
        let exact = |rows: &[Row]| -> Vec<_> {
            rows.iter()
                .map(|row| (row.image.clone(), row.q, row.bytes, row.times.clone()))
                .collect()
        };
        assert_eq!(exact(a), exact(b));
        for (a, b) in a.iter().zip(b) {
            let difference = a.quality.psnr_yuv.unwrap() - b.quality.psnr_yuv.unwrap();
            assert!(difference.abs() < 1e-9, "{difference}");
        }
    }

    #[test]
    fn a_run_is_taken_up_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in [("a", 7u8), ("b", 77), ("c", 177)] {
            let pixels = RgbImage::from_fn(9, 5, |x, y| image::Rgb([value, x as u8, y as u8]));
            pixels
                .save(folder.path().join(format!("{name}.png")))
                .unwrap();
        }
        let subjects = subjects(&Dataset::folder(folder.path()).unwrap(), true).unwrap();
        let machine = Machine::default();
        let plan = |subjects, resume| Plan {
            subjects,
            metrics: &[MetricGroup::Psnr],
            timed: 2,
            fits: false,
            machine: &machine,
            folder: folder.path(),
            resume,
            quiet: true,
        };
        let codec = Shift::new("shift 1");
        let count = || codec.1.swap(0, Ordering::Relaxed);

        // Two pictures and a setting: as if it had been stopped then.
        let first = plan(&subjects[..2], false).measure(&codec, &[1.0]).unwrap();
        assert_eq!(count(), 2 + 2 + 1);
        let all = plan(&subjects, true).measure(&codec, &[1.0, 3.0]).unwrap();
        assert_eq!(count(), 4 + 2 + 1);
        assert_same(&all[..2], &first);
        let names: Vec<_> = all.iter().map(|row| (row.image.as_str(), row.q)).collect();
        assert_eq!(
            names,
            [
                ("a", 1.0),
                ("b", 1.0),
                ("c", 1.0),
                ("a", 3.0),
                ("b", 3.0),
                ("c", 3.0)
            ]
        );
        assert_eq!((all[0].bytes, all[0].bpp), (135, 24.0));
        assert!(all[0].quality.psnr > all[3].quality.psnr);
        let timed: Vec<_> = all.iter().map(|row| row.times.enc_s.is_some()).collect();
        assert_eq!(timed, [true, true, false, true, true, false]);

        // Nothing is left to do; another version of the codec starts anew.
        let again = plan(&subjects, true).measure(&codec, &[1.0, 3.0]).unwrap();
        assert_same(&again, &all);
        assert_eq!(count(), 0);
        let other = Shift::new("shift 2");
        plan(&subjects, true).measure(&other, &[1.0]).unwrap();
        assert_eq!(other.1.load(Ordering::Relaxed), 3 + 2 + 1);

        // Files that take long are made once for rates and once for times.
        let slow = Shift::new("slow");
        let long = Plan {
            fits: true,
            ..plan(&subjects, false)
        };
        let rows = long.measure(&slow, &[1.0, 3.0]).unwrap();
        assert_eq!(slow.1.load(Ordering::Relaxed), 6 + 4);
        assert_same(&rows, &all);
    }
}
