//! Max pooling over lists of rows.

use rarefy_geometry::KernelMap;

/// Max pooling where output `q` has the rows `rows[q]` of `x` [rows, channels]; returns values and winning rows.
///
/// The first of equal rows wins. Every output has at least one row.
#[must_use]
pub fn naive_max_pool(rows: &[Vec<u32>], channels: usize, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let (mut values, mut winners) = (Vec::new(), Vec::new());
    for rows in rows {
        for channel in 0..channels {
            let value = |row: u32| x[row as usize * channels + channel];
            let mut winner = rows[0];
            for &row in rows {
                if value(row) > value(winner) {
                    winner = row;
                }
            }
            values.push(value(winner));
            winners.push(winner);
        }
    }
    (values, winners)
}

/// Max pooling over the inputs that a kernel map names for each output, in the order of the taps.
///
/// With `ground`, an absent tap reads row `map.inputs()` of `x`.
#[must_use]
pub fn max_pool_by_pairs(map: &KernelMap, ground: bool, channels: usize, x: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let mut rows = vec![Vec::new(); map.outputs()];
    for tap in 0..map.taps() {
        let mut found = vec![None; map.outputs()];
        let pairs = map.pairs(tap);
        for (&from, &to) in pairs.from.iter().zip(pairs.to) {
            found[to as usize] = Some(from);
        }
        for (rows, found) in rows.iter_mut().zip(found) {
            rows.extend(found.or(ground.then_some(map.inputs() as u32)));
        }
    }
    naive_max_pool(&rows, channels, x)
}
