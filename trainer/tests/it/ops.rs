//! Gradients of the fused operations: the composed path in f64 is checked by central finite
//! differences, and the fused path in f32 must give the same values and the same gradients.

use candle_core::{DType, Device, Result, Tensor, Var};
use rlhost_trainer::ops::{
    AttentionShape, CachedRows, Rotary, Segment, Segments, attend_cached, attention, linear,
    log_prob, matmul_rows, rms_norm, rotate, swiglu,
};
use rlhost_trainer::random::{Domain, Stream};

fn random(shape: &[usize], key: u64) -> Tensor {
    let stream = Stream::new(99, Domain::Initialisation, key, 0);
    let values: Vec<f64> = (0..shape.iter().product::<usize>())
        .map(|i| stream.normal(i as u32))
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// `f` maps the inputs to one tensor; the scalar under test is its product with fixed weights.
fn check(name: &str, inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let loss = |inputs: &[Tensor]| -> Tensor {
        let y = f(inputs).unwrap();
        let weights = random(y.dims(), 1000).to_dtype(y.dtype()).unwrap();
        (y * weights).unwrap().sum_all().unwrap()
    };
    let value = |inputs: &[Tensor]| loss(inputs).to_scalar::<f64>().unwrap();
    let gradients = |dtype: DType| -> Vec<Vec<f64>> {
        let vars: Vec<Var> = inputs
            .iter()
            .map(|x| Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap())
            .collect();
        let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
        let store = loss(&tensors).backward().unwrap();
        tensors
            .iter()
            .map(|t| {
                let gradient = store
                    .get(t)
                    .unwrap_or_else(|| panic!("{name}: no gradient"));
                let gradient = gradient.to_dtype(DType::F64).unwrap();
                gradient.flatten_all().unwrap().to_vec1().unwrap()
            })
            .collect()
    };
    let composed = gradients(DType::F64);
    let fused = gradients(DType::F32);

    let y64 = f(inputs).unwrap();
    let inputs32: Vec<Tensor> = inputs
        .iter()
        .map(|x| x.to_dtype(DType::F32).unwrap())
        .collect();
    let y32 = f(&inputs32).unwrap().to_dtype(DType::F64).unwrap();
    let difference = (y64 - y32).unwrap().abs().unwrap().max_all().unwrap();
    let difference = difference.to_scalar::<f64>().unwrap();
    assert!(difference < 2e-5, "{name}: forward differs by {difference}");

    let step = 1e-5;
    for (which, input) in inputs.iter().enumerate() {
        let flat: Vec<f64> = input.flatten_all().unwrap().to_vec1().unwrap();
        for i in 0..flat.len() {
            let at = |delta: f64| {
                let mut moved = flat.clone();
                moved[i] += delta;
                let mut inputs = inputs.to_vec();
                inputs[which] = Tensor::from_vec(moved, input.shape(), &Device::Cpu).unwrap();
                value(&inputs)
            };
            let numeric = (at(step) - at(-step)) / (2.0 * step);
            let exact = composed[which][i];
            assert!(
                (numeric - exact).abs() < 1e-6 * (1.0 + numeric.abs()),
                "{name}: input {which}[{i}]: composed {exact}, finite difference {numeric}"
            );
            let fast = fused[which][i];
            assert!(
                (numeric - fast).abs() < 5e-5 * (1.0 + numeric.abs()),
                "{name}: input {which}[{i}]: fused {fast}, finite difference {numeric}"
            );
        }
    }
}

#[test]
fn linear_gradients() {
    for rows in [3, 11] {
        let (x, w, b) = (random(&[rows, 5], 1), random(&[4, 5], 2), random(&[4], 3));
        check("linear", &[x.clone(), w.clone()], |i| {
            linear(&i[0], &i[1], None)
        });
        check("linear with bias", &[x, w, b], |i| {
            linear(&i[0], &i[1], Some(&i[2]))
        });
    }
}

#[test]
fn rms_norm_gradients() {
    let (x, w) = (random(&[6, 20], 4), random(&[20], 5));
    check("rms_norm", &[x, w], |i| rms_norm(&i[0], &i[1], 1e-3));
}

#[test]
fn swiglu_gradients() {
    let (gate, up) = (random(&[3, 7], 6), random(&[3, 7], 7));
    check("swiglu", &[gate, up], |i| swiglu(&i[0], &i[1]));
}

#[test]
fn log_prob_gradients() {
    let (hidden, weight) = (random(&[5, 6], 8), random(&[9, 6], 9));
    let targets = [0, 8, 3, 3, 1];
    check("log-probs", &[hidden.clone(), weight.clone()], |i| {
        Ok(log_prob(&i[0], &i[1], &targets, 0.7)?.logp)
    });
    check("entropies", &[hidden, weight], |i| {
        Ok(log_prob(&i[0], &i[1], &targets, 0.7)?.entropy)
    });
}

const SHAPE: AttentionShape = AttentionShape {
    heads: 4,
    kv_heads: 2,
    head_dim: 6,
};

fn angles(rows: usize) -> Rotary {
    let angles: Vec<f32> = (0..rows * 3).map(|i| (i % 17) as f32 * 0.37).collect();
    Rotary::new(&angles, 3)
}

#[test]
fn attention_gradients() {
    let layouts = [
        // A prompt with two completions, one of which is continued, and a sequence of its own.
        Segments::causal(vec![
            Segment::root(3),
            Segment::child(2, 0),
            Segment::child(1, 0),
            Segment::root(2),
            Segment::child(2, 1),
        ]),
        Segments::bidirectional([4, 1, 5]),
    ];
    for segments in layouts {
        let segments = segments.unwrap();
        let rows = segments.rows();
        let inputs = [
            random(&[rows, 24], 10),
            random(&[rows, 12], 11),
            random(&[rows, 12], 12),
        ];
        let rotary = angles(rows);
        check("attention", &inputs, |i| {
            attention(&i[0], &i[1], &i[2], SHAPE, None, &segments)
        });
        check("rotary attention", &inputs, |i| {
            attention(&i[0], &i[1], &i[2], SHAPE, Some(&rotary), &segments)
        });
    }
}

/// Attention written out: row `i` of a plain causal sequence.
#[test]
fn attention_agrees_with_its_definition() {
    let rows = 7;
    let f32s = |shape: &[usize], key| random(shape, key).to_dtype(DType::F32).unwrap();
    let (q, k, v) = (
        f32s(&[rows, 24], 20),
        f32s(&[rows, 12], 21),
        f32s(&[rows, 12], 22),
    );
    let segments = Segments::causal(vec![Segment::root(rows)]).unwrap();
    let out = attention(&q, &k, &v, SHAPE, None, &segments).unwrap();
    let out: Vec<Vec<f32>> = out.to_vec2().unwrap();
    let matrix = |x: &Tensor| x.to_vec2::<f32>().unwrap();
    let (q, k, v) = (matrix(&q), matrix(&k), matrix(&v));
    for i in 0..rows {
        for head in 0..4 {
            let (mine, shared) = (head * 6, head / 2 * 6);
            let weights: Vec<f64> = (0..=i)
                .map(|j| {
                    let dot: f64 = (0..6)
                        .map(|d| f64::from(q[i][mine + d]) * f64::from(k[j][shared + d]))
                        .sum();
                    (dot / 6_f64.sqrt()).exp()
                })
                .collect();
            let sum: f64 = weights.iter().sum();
            for d in 0..6 {
                let want: f64 = weights
                    .iter()
                    .enumerate()
                    .map(|(j, w)| w / sum * f64::from(v[j][shared + d]))
                    .sum();
                assert!((f64::from(out[i][mine + d]) - want).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn cached_attention_equals_the_packed_one() {
    let rows = 9;
    let f32s = |shape: &[usize], key| random(shape, key).to_dtype(DType::F32).unwrap();
    let (q, k, v) = (
        f32s(&[rows, 24], 30),
        f32s(&[rows, 12], 31),
        f32s(&[rows, 12], 32),
    );
    let rotary = angles(rows);
    let segments = Segments::causal(vec![Segment::root(5), Segment::child(4, 0)]).unwrap();
    let packed = attention(&q, &k, &v, SHAPE, Some(&rotary), &segments).unwrap();
    let packed: Vec<Vec<f32>> = packed.to_vec2().unwrap();
    let flat = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (q, k) = (
        flat(rotate(&q, &rotary).unwrap()),
        flat(rotate(&k, &rotary).unwrap()),
    );
    let v = flat(v);
    let part = |from: usize, to: usize| CachedRows {
        keys: &k[from * 12..to * 12],
        values: &v[from * 12..to * 12],
    };
    let out = attend_cached(&q[8 * 24..], SHAPE, &[vec![part(0, 5), part(5, 9)]]);
    for (a, b) in out.iter().zip(&packed[8]) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
}

/// What makes a sample independent of its batch: a row's product has the same bits in any company.
#[test]
fn matrix_products_of_a_row_do_not_depend_on_the_other_rows() {
    for (inputs, outputs) in [
        (160, 480),
        (400, 160),
        (1100, 300),
        (4096, 64),
        (37, 19),
        (33, 3),
    ] {
        let x = random(&[128, inputs], 40).to_dtype(DType::F32).unwrap();
        let weight = random(&[outputs, inputs], 41).to_dtype(DType::F32).unwrap();
        let all: Vec<Vec<f32>> = matmul_rows(&x, &weight).unwrap().to_vec2().unwrap();
        for rows in [1, 4, 7, 8, 9, 31, 128] {
            for start in [0, 128 - rows] {
                let part = x.narrow(0, start, rows).unwrap();
                let some: Vec<Vec<f32>> = matmul_rows(&part, &weight).unwrap().to_vec2().unwrap();
                for (a, b) in some.iter().zip(&all[start..]) {
                    let bits = |row: &[f32]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(a), bits(b), "{rows} rows of {inputs} × {outputs}");
                }
            }
        }
    }
}
