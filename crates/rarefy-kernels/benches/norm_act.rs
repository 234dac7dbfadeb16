//! Batch normalisation with ReLU on [125,000, 64], training, against the memory bandwidth measured in the same run.
//!
//! Forward reads the input twice and writes the output; backward reads three tensors twice and writes one: 10 passes
//! over memory. Every time is the least of several runs.

use std::time::Instant;

use rarefy_kernels::NormAct;
use rayon::prelude::*;

const ROWS: usize = 125_000;
const CHANNELS: usize = 64;

fn main() {
    println!("threads  pass                      ms   passes  of their time at full bandwidth");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| time_threads(threads));
    }
}

fn time_threads(threads: usize) {
    let x: Vec<f32> = (0..ROWS * CHANNELS).map(|index| (index % 977) as f32 / 977.0 - 0.4).collect();
    let grad_y = x.clone();
    let (mut y, mut grad_x) = (x.clone(), x.clone());
    let (gamma, beta) = (vec![1.0_f32; CHANNELS], vec![0.1_f32; CHANNELS]);
    let norm = NormAct { gamma: &gamma, beta: &beta, slope: Some(0.0) };
    let stats = norm.forward_training(1e-5, &x, None, &mut y).unwrap();
    let mut least = [f64::INFINITY; 3];
    for _ in 0..15 {
        time(&mut least[0], || {
            y.par_chunks_mut(1 << 16).zip(x.par_chunks(1 << 16)).for_each(|(y, x)| y.copy_from_slice(x));
        });
        time(&mut least[1], || {
            norm.forward_training(1e-5, &x, None, &mut y).unwrap();
        });
        time(&mut least[2], || {
            norm.backward(&stats, (&x, &y), &grad_y, &mut grad_x, None).unwrap();
        });
    }
    // A copy is one pass that reads and one that writes.
    let pass_ms = least[0] / 2.0;
    for (pass, passes, ms) in [
        ("copy", 2.0, least[0]),
        ("forward", 3.0, least[1]),
        ("backward", 7.0, least[2]),
        ("both", 10.0, least[1] + least[2]),
    ] {
        println!("{threads:7}  {pass:20}  {ms:8.2}  {passes:7}  {:6.2}", ms / (passes * pass_ms));
    }
}

fn time(least: &mut f64, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    *least = least.min(start.elapsed().as_secs_f64() * 1e3);
}
