//! Batch normalisation with ReLU on [125,000, 64], training, against the memory bandwidth measured in the same run.
//!
//! Forward reads the input twice and writes the output; backward reads three tensors twice and writes one: 10 passes
//! over memory. Results are checked against the oracle before anything is timed. Every time is the least of several runs.

use rarefy_kernels::{NormAct, NormStats};
use rarefy_testkit::{
    CopyBandwidth, batch_norm_grad_by_formula, bench_numbers, bench_repeats, least_ms, naive_batch_norm, random_values,
    relative_error,
};

const ROWS: usize = 125_000;
const CHANNELS: usize = 64;
const EPS: f64 = 1e-5;

fn main() {
    let mut tensors = Tensors::new();
    println!("threads  pass               ms   passes  of their time    GB/s  of bandwidth");
    for threads in bench_numbers("RAREFY_BENCH_THREADS", &[1, 2]) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| {
            tensors.check();
            tensors.time(threads);
        });
    }
}

/// All that the operator reads and writes, [rows, channels].
struct Tensors {
    x: Vec<f32>,
    grad_y: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    y: Vec<f32>,
    grad_x: Vec<f32>,
}

impl Tensors {
    fn new() -> Self {
        let [x, grad_y] = [1, 2].map(|seed| narrow(random_values(ROWS * CHANNELS, seed)));
        let [gamma, beta] = [3, 4].map(|seed| narrow(random_values(CHANNELS, seed)));
        Self { y: vec![0.0; x.len()], grad_x: vec![0.0; x.len()], x, grad_y, gamma, beta }
    }

    fn forward(&mut self) -> NormStats<f32> {
        let norm = NormAct { gamma: &self.gamma, beta: &self.beta, slope: Some(0.0) };
        norm.forward_training(EPS, &self.x, None, &mut self.y).expect("every slice has its shape")
    }

    fn backward(&mut self, stats: &NormStats<f32>) -> (Vec<f32>, Vec<f32>) {
        let norm = NormAct { gamma: &self.gamma, beta: &self.beta, slope: Some(0.0) };
        norm.backward(stats, (&self.x, &self.y), &self.grad_y, &mut self.grad_x, None)
            .expect("every slice has its shape")
    }

    fn check(&mut self) {
        let stats = self.forward();
        let (grad_gamma, grad_beta) = self.backward(&stats);
        let [x, gamma, beta, grad_y] = [&self.x, &self.gamma, &self.beta, &self.grad_y].map(|values| wide(values));
        let before = naive_batch_norm(&x, &gamma, &beta, EPS);
        let wanted: Vec<f64> = before.iter().map(|value| value.max(0.0)).collect();
        // The ReLU passes gradients on where its output, as it was computed, is above zero.
        let passed: Vec<f64> = grad_y.iter().zip(&self.y).map(|(&grad, &y)| if y > 0.0 { grad } else { 0.0 }).collect();
        let (wanted_x, wanted_gamma, wanted_beta) = batch_norm_grad_by_formula(&x, &gamma, EPS, &passed);
        for (what, found, wanted) in [
            ("outputs", &self.y, wanted),
            ("input gradients", &self.grad_x, wanted_x),
            ("gradients of the scale", &grad_gamma, wanted_gamma),
            ("gradients of the shift", &grad_beta, wanted_beta),
        ] {
            let error = relative_error(&wide(found), &wanted);
            assert!(error < 1e-5, "the {what} differ from the oracle by {error:e}");
        }
    }

    fn time(&mut self, threads: usize) {
        let mut copy = CopyBandwidth::default();
        let (mut forward, mut backward) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..bench_repeats(15) {
            copy.measure();
            let stats = least_ms(&mut forward, || self.forward());
            least_ms(&mut backward, || self.backward(&stats));
        }
        let (gbytes, array) = (copy.gbytes(), (ROWS * CHANNELS * size_of::<f32>()) as f64);
        println!("{threads:7}  copy                –        –              –  {gbytes:6.1}       100.0 %");
        for (pass, passes, ms) in
            [("forward", 3.0, forward), ("backward", 7.0, backward), ("both", 10.0, forward + backward)]
        {
            let rate = passes * array / ms / 1e6;
            let (of_time, share) = (gbytes / rate, 100.0 * rate / gbytes);
            println!("{threads:7}  {pass:10}  {ms:8.2}  {passes:7}  {of_time:13.2}  {rate:6.1}  {share:10.1} %");
        }
    }
}

fn narrow(values: Vec<f64>) -> Vec<f32> {
    values.into_iter().map(|value| value as f32).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}
