//! Independent pieces of work, side by side.

/// Calls `work(index, chunk)` for every chunk and returns the results in the order of the chunks.
///
/// With the feature `threads` the calls run on the current rayon pool, otherwise one after the
/// other; results are the same. Chunks may be anything that can be sent to a thread: slices to
/// decode, writers to finish, or `&mut` stripes whose reader stays alive between two passes.
///
/// # Errors
/// The error of the first chunk, in their order, that failed.
///
/// ```
/// use kiln_entropy::chunks;
///
/// let lengths = chunks::try_map(vec!["one", "three"], |index, text| {
///     text.len().checked_sub(index).ok_or("too short")
/// });
/// assert_eq!(lengths, Ok(vec![3, 4]));
/// ```
#[cfg(feature = "threads")]
pub fn try_map<T, R, E>(
    chunks: Vec<T>,
    work: impl Fn(usize, T) -> Result<R, E> + Sync + Send,
) -> Result<Vec<R>, E>
where
    T: Send,
    R: Send,
    E: Send,
{
    use rayon::prelude::*;

    // All results first: collecting straight into a `Result` would give whichever error came first
    // in time.
    let results: Vec<Result<R, E>> = chunks
        .into_par_iter()
        .enumerate()
        .map(|(index, chunk)| work(index, chunk))
        .collect();
    results.into_iter().collect()
}

/// Calls `work(index, chunk)` for every chunk and returns the results in the order of the chunks.
///
/// This is the build without the feature `threads`: one chunk after the other.
///
/// # Errors
/// The error of the first chunk, in their order, that failed.
#[cfg(not(feature = "threads"))]
pub fn try_map<T, R, E>(
    chunks: Vec<T>,
    work: impl Fn(usize, T) -> Result<R, E> + Sync + Send,
) -> Result<Vec<R>, E>
where
    T: Send,
    R: Send,
    E: Send,
{
    chunks
        .into_iter()
        .enumerate()
        .map(|(index, chunk)| work(index, chunk))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_chunks() {
        let squares = try_map((0..1000u32).collect(), |index, n| {
            assert_eq!(index, n as usize);
            Ok::<_, ()>(n * n)
        });
        assert_eq!(squares, Ok((0..1000).map(|n| n * n).collect()));
    }

    #[test]
    fn the_first_error_by_order_wins() {
        let result = try_map(
            (0..1000).collect(),
            |_, n| if n < 300 { Ok(n) } else { Err(n) },
        );
        assert_eq!(result, Err(300));
    }

    #[test]
    fn chunks_may_be_borrowed_mutably() {
        let mut values = [1, 2, 3];
        let result = try_map(values.iter_mut().collect(), |index, value| {
            *value += index;
            Ok::<_, ()>(())
        });
        assert_eq!((result, values), (Ok(vec![(); 3]), [1, 3, 5]));
    }
}
