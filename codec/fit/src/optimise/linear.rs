//! What SOAP needs of small symmetric matrices, row by row in one slice.

/// Eigenvectors of a symmetric matrix as columns, the largest eigenvalue first (Jacobi's method).
pub(crate) fn eigenvectors(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut a = matrix.to_vec();
    let mut q = identity(n);
    for _ in 0..60 {
        let (mut off, mut on) = (0.0, 0.0);
        for (k, v) in a.iter().enumerate() {
            let sum = if k / n == k % n { &mut on } else { &mut off };
            *sum += v * v;
        }
        if off <= 1e-24 * on || off == 0.0 {
            break;
        }
        for p in 0..n {
            for r in p + 1..n {
                let between = a[p * n + r];
                if between == 0.0 {
                    continue;
                }
                // The rotation that makes this entry 0.
                let theta = (a[r * n + r] - a[p * n + p]) / (2.0 * between);
                let sign = if theta >= 0.0 { 1.0 } else { -1.0 };
                let t = sign / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let rotate = |m: &mut [f64], i: usize, j: usize| {
                    let (x, y) = (m[i], m[j]);
                    m[i] = c * (x - t * y);
                    m[j] = c * (y + t * x);
                };
                for k in 0..n {
                    rotate(&mut a, k * n + p, k * n + r);
                    rotate(&mut q, k * n + p, k * n + r);
                }
                for k in 0..n {
                    rotate(&mut a, p * n + k, r * n + k);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    columns(&q, n, &order)
}

/// One step of the power method on all of `basis` at once, then made orthogonal; and the order of columns that it took,
/// by what the matrix makes of each.
pub(crate) fn refreshed(matrix: &[f64], basis: &[f64], n: usize) -> (Vec<f64>, Vec<usize>) {
    let image = multiply(matrix, basis, n);
    let size = |j: usize| (0..n).map(|i| basis[i * n + j] * image[i * n + j]).sum();
    let sizes: Vec<f64> = (0..n).map(size).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| sizes[j].total_cmp(&sizes[i]));
    let mut q = columns(&image, n, &order);
    orthogonalise(&mut q, n);
    (q, order)
}

/// Gram and Schmidt, twice; a column that depends on those before it becomes any that does not.
fn orthogonalise(q: &mut [f64], n: usize) {
    let length = |q: &[f64], j: usize| (0..n).map(|i| q[i * n + j].powi(2)).sum::<f64>();
    let clean = |q: &mut [f64], j: usize| {
        for l in (0..j).chain(0..j) {
            let dot: f64 = (0..n).map(|i| q[i * n + l] * q[i * n + j]).sum();
            for i in 0..n {
                q[i * n + j] -= dot * q[i * n + l];
            }
        }
    };
    for j in 0..n {
        let before = length(q, j);
        clean(q, j);
        let mut after = length(q, j);
        if after <= 1e-24 * before || after < 1e-60 {
            for axis in 0..n {
                for i in 0..n {
                    q[i * n + j] = f64::from(i == axis);
                }
                clean(q, j);
                after = length(q, j);
                // Some axis has at least 1 / n of its length left.
                if after > 0.5 / n as f64 {
                    break;
                }
            }
        }
        let scale = 1.0 / after.sqrt();
        (0..n).for_each(|i| q[i * n + j] *= scale);
    }
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|k| f64::from(k / n == k % n)).collect()
}

/// The columns in another order.
fn columns(matrix: &[f64], n: usize, order: &[usize]) -> Vec<f64> {
    (0..n * n)
        .map(|k| matrix[k / n * n + order[k % n]])
        .collect()
}

fn multiply(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut product = vec![0.0; n * n];
    for (row, a) in product.chunks_mut(n).zip(a.chunks(n)) {
        for (b, a) in b.chunks(n).zip(a) {
            for (p, b) in row.iter_mut().zip(b) {
                *p += a * b;
            }
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;

    fn symmetric(n: usize, rank: usize) -> Vec<f64> {
        let mut random = SplitMix(n as u64);
        let mut a = vec![0.0; n * n];
        for _ in 0..rank {
            let v: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            for k in 0..n * n {
                a[k] += v[k / n] * v[k % n];
            }
        }
        a
    }

    fn check_orthogonal(q: &[f64], n: usize) {
        for i in 0..n {
            for j in 0..n {
                let dot: f64 = (0..n).map(|k| q[k * n + i] * q[k * n + j]).sum();
                assert!((dot - f64::from(i == j)).abs() < 1e-9, "{n}: {i} {j} {dot}");
            }
        }
    }

    #[test]
    fn eigenvectors_make_the_matrix_diagonal() {
        for (n, rank) in [(1, 1), (3, 3), (7, 9), (20, 5)] {
            let a = symmetric(n, rank);
            let q = eigenvectors(&a, n);
            check_orthogonal(&q, n);
            let aq = multiply(&a, &q, n);
            let mut last = f64::MAX;
            for j in 0..n {
                let value: f64 = (0..n).map(|i| q[i * n + j] * aq[i * n + j]).sum();
                assert!(value <= last + 1e-9);
                last = value;
                for i in 0..n {
                    assert!((aq[i * n + j] - value * q[i * n + j]).abs() < 1e-8);
                }
            }
        }
    }

    #[test]
    fn refreshing_stays_orthogonal_and_finds_eigenvectors() {
        for (n, rank) in [(1, 1), (4, 4), (6, 2), (5, 0)] {
            let a = symmetric(n, rank);
            let mut q = identity(n);
            for _ in 0..300 {
                q = refreshed(&a, &q, n).0;
                check_orthogonal(&q, n);
            }
            let want = eigenvectors(&a, n);
            for j in 0..rank.min(n) {
                let dot: f64 = (0..n).map(|i| q[i * n + j] * want[i * n + j]).sum();
                assert!(dot.abs() > 0.999, "{n} {rank} {j}: {dot}");
            }
        }
    }
}
