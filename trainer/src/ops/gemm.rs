//! Matrix products over slices.

use gemm::{Parallelism, gemm};

/// A matrix inside a slice: element (i, j) lies at `i * rows + j * columns`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    shape: (usize, usize),
    strides: (usize, usize),
}

impl<'a> Matrix<'a> {
    /// A row-major matrix of `rows` × `columns`.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "matrix size");
        Self {
            values,
            shape: (rows, columns),
            strides: (columns, 1),
        }
    }

    /// The transposed view.
    pub(super) fn t(self) -> Self {
        Self {
            values: self.values,
            shape: (self.shape.1, self.shape.0),
            strides: (self.strides.1, self.strides.0),
        }
    }
}

/// The fewest rows for which a product with `outputs` columns takes the library's general path.
///
/// Single rows and outputs of up to 256 numbers go other ways there (gemm 0.19: matrix-vector and
/// "horizontal" kernels), whose sums round differently.
fn general_path_rows(outputs: usize) -> usize {
    8.max(256 / outputs.max(1) + 1)
}

/// `out += a · b` (with `accumulate`) or `out = a · b`; `out` is row-major.
pub(super) fn product(out: &mut [f32], a: Matrix, b: Matrix, accumulate: bool) {
    let ((m, k), (k2, n)) = (a.shape, b.shape);
    assert_eq!(k, k2, "inner dimensions");
    assert_eq!(out.len(), m * n, "output size");
    if k == 0 || m == 0 || n == 0 {
        if !accumulate {
            out.fill(0.0);
        }
        return;
    }
    // The pool that candle's own products use too.
    let parallelism = match rayon::current_num_threads() {
        1 => Parallelism::None,
        threads => Parallelism::Rayon(threads),
    };
    // SAFETY: `Matrix` holds exactly shape.0 * shape.1 elements under its strides (checked where it
    // is made; transposing keeps the set of elements), and `out` holds m * n elements in row-major
    // order and, being borrowed mutably, overlaps neither input.
    unsafe {
        gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.values.as_ptr(),
            a.strides.1 as isize,
            a.strides.0 as isize,
            b.values.as_ptr(),
            b.strides.1 as isize,
            b.strides.0 as isize,
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// `x · weightᵀ (+ bias)` for `rows` rows of `x`; the bits of a row don't depend on the other rows.
pub(super) fn rows_times_weight(
    x: &[f32],
    rows: usize,
    weight: &[f32],
    outputs: usize,
    inputs: usize,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let padded = rows.max(general_path_rows(outputs));
    let mut storage = Vec::new();
    let x = if padded == rows {
        x
    } else {
        storage.extend_from_slice(x);
        storage.resize(padded * inputs, 0.0);
        &storage
    };
    let mut out = Vec::with_capacity(padded * outputs);
    match bias {
        Some(bias) => (0..padded).for_each(|_| out.extend_from_slice(bias)),
        None => out.resize(padded * outputs, 0.0),
    }
    product(
        &mut out,
        Matrix::new(x, padded, inputs),
        Matrix::new(weight, outputs, inputs).t(),
        bias.is_some(),
    );
    out.truncate(rows * outputs);
    out
}
