//! Columns of matrices moved as they are: one row repeated, two matrices side by side and apart again.

use rayon::prelude::*;

use crate::element::Element;
use crate::sums::block_rows;

/// Writes `row` into every row of `out` [rows, channels].
///
/// # Panics
/// Where `out` is not a whole number of rows.
pub fn repeat_row<T: Element>(row: &[T], out: &mut [T]) {
    if row.is_empty() {
        return;
    }
    assert_eq!(out.len() % row.len(), 0, "{} elements are no whole rows of {}", out.len(), row.len());
    out.par_chunks_mut(block_rows::<T>(row.len()) * row.len())
        .for_each(|block| block.chunks_exact_mut(row.len()).for_each(|to| to.copy_from_slice(row)));
}

/// Writes each row of `a` [rows, `first`] and behind it that of `b` [rows, `second`] into `out` [rows, first + second].
///
/// # Panics
/// Where a slice has another length than its shape.
pub fn join_columns<T: Element>((a, first): (&[T], usize), (b, second): (&[T], usize), out: &mut [T]) {
    let width = first + second;
    if out.is_empty() {
        return;
    }
    let rows = check(out.len(), (a.len(), first), (b.len(), second));
    let step = block_rows::<T>(width);
    out.par_chunks_mut(step * width).enumerate().for_each(|(block, out)| {
        let start = block * step;
        for (row, out) in (start..rows).zip(out.chunks_exact_mut(width)) {
            let (to_a, to_b) = out.split_at_mut(first);
            to_a.copy_from_slice(&a[row * first..][..first]);
            to_b.copy_from_slice(&b[row * second..][..second]);
        }
    });
}

/// Writes the first columns of `x` [rows, first + second] into `a` [rows, `first`] and the others into `b` [rows, `second`].
///
/// # Panics
/// Where a slice has another length than its shape.
pub fn split_columns<T: Element>(x: &[T], (a, first): (&mut [T], usize), (b, second): (&mut [T], usize)) {
    let width = first + second;
    if x.is_empty() {
        return;
    }
    check(x.len(), (a.len(), first), (b.len(), second));
    let step = block_rows::<T>(width);
    let take = |out: &mut [T], skip: usize, count: usize| {
        if count == 0 {
            return;
        }
        out.par_chunks_mut(step * count).zip(x.par_chunks(step * width)).for_each(|(out, x)| {
            for (to, from) in out.chunks_exact_mut(count).zip(x.chunks_exact(width)) {
                to.copy_from_slice(&from[skip..skip + count]);
            }
        });
    };
    take(a, 0, first);
    take(b, first, second);
}

/// The number of rows that all three matrices have.
fn check(all: usize, (a, first): (usize, usize), (b, second): (usize, usize)) -> usize {
    let rows = all / (first + second);
    assert_eq!(all, rows * (first + second), "the joined matrix is [{rows}, {first} + {second}]");
    assert_eq!((a, b), (rows * first, rows * second), "the parts are [{rows}, {first}] and [{rows}, {second}]");
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_comes_apart_again() {
        for (rows, first, second) in [(0, 2, 3), (1, 2, 3), (5000, 3, 5), (700, 0, 4), (700, 4, 0)] {
            let count = |from: usize, length: usize| (from..from + length).map(|n| n as f32).collect::<Vec<_>>();
            let (a, b) = (count(0, rows * first), count(1 << 20, rows * second));
            let mut joined = vec![0.0; rows * (first + second)];
            join_columns((&a, first), (&b, second), &mut joined);
            for (place, &value) in joined.iter().enumerate() {
                let (row, column) = (place / (first + second), place % (first + second));
                let wanted = if column < first { a[row * first + column] } else { b[row * second + column - first] };
                assert!((value - wanted).abs() < f32::EPSILON);
            }
            let (mut again_a, mut again_b) = (vec![0.0; a.len()], vec![0.0; b.len()]);
            split_columns(&joined, (&mut again_a, first), (&mut again_b, second));
            assert_eq!((again_a, again_b), (a, b));
        }
    }

    #[test]
    fn a_row_is_repeated_to_the_end() {
        let mut out = vec![0.0; 3 * 4001];
        repeat_row(&[1.0, 2.0, 3.0], &mut out);
        assert!(out.chunks_exact(3).all(|row| row == [1.0, 2.0, 3.0]));
        repeat_row::<f32>(&[], &mut []);
    }
}
