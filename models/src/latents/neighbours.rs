//! The table of every symbol of z: chosen by level, channel, and what is known of the cells to the left and above.

use ndarray::Array3;

/// Classes of neighbours; each has a table of its own.
pub const Z_CLASSES: usize = 2 * Z_EDGES.len() + 1;
/// Magnitudes of the sum of the neighbours at which the next class begins.
pub const Z_EDGES: [i32; 4] = [1, 2, 4, 7];

/// The class of a symbol of z [zh, Z, zw]: from the sum of its left and its upper neighbour, the one that is there
/// counting twice at an edge, 0 in the corner. Both are decoded before it.
pub(crate) fn class(z: &Array3<i32>, i: usize, c: usize, j: usize) -> u16 {
    let left = j.checked_sub(1).map(|j| z[(i, c, j)]);
    let above = i.checked_sub(1).map(|i| z[(i, c, j)]);
    let sum = match (left, above) {
        (Some(a), Some(b)) => a + b,
        (Some(a), None) | (None, Some(a)) => 2 * a,
        (None, None) => 0,
    };
    let size = Z_EDGES.iter().filter(|e| sum.abs() >= **e).count() as u16;
    let middle = (Z_CLASSES / 2) as u16;
    if sum < 0 {
        middle - size
    } else {
        middle + size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_neighbours(left: i32, above: i32) -> u16 {
        let mut z = Array3::zeros((2, 1, 2));
        z[(1, 0, 0)] = left;
        z[(0, 0, 1)] = above;
        class(&z, 1, 0, 1)
    }

    #[test]
    fn classes_are_symmetric_and_cover_the_range() {
        let all = [-254, -7, -6, -3, -1, 0, 1, 2, 4, 7, 254];
        let found = all.map(|s| with_neighbours(s / 2, s - s / 2));
        assert_eq!(found, [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8]);
    }

    #[test]
    fn a_missing_neighbour_is_replaced_by_the_other() {
        let z = Array3::from_elem((2, 1, 2), 3);
        assert_eq!(class(&z, 0, 0, 0), 4);
        assert_eq!(class(&z, 0, 0, 1), class(&z, 1, 0, 1));
        assert_eq!(class(&z, 1, 0, 0), class(&z, 1, 0, 1));
    }
}
